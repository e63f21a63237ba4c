#pragma once

// Conditions of a status, written so that a reconcile that finds nothing new writes nothing.
//
// lastTransitionTime moves only when the status (True, False, Unknown) of a condition does; setting
// a condition to what it is leaves the list byte for byte as it was. docs/conditions.md holds the
// truth table of types and reasons.
//
// Thread safety: pure functions on values.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "controller/base/clock.h"

namespace stoker::reconcile {

struct Condition {
  std::string type;
  std::string status;  // True, False, Unknown
  std::string reason;
  std::string message;
  std::int64_t observed_generation = 0;
};

// `status` is the status object; its `conditions` list is made when missing.
void SetCondition(nlohmann::json& status, const Condition& condition, WallTime now);
void RemoveCondition(nlohmann::json& status, std::string_view type);
// Null when there is none of this type.
const nlohmann::json* FindCondition(const nlohmann::json& status, std::string_view type);
[[nodiscard]] bool IsTrue(const nlohmann::json& status, std::string_view type);
// At most `limit` bytes, cut between characters, so that the API server finds valid UTF-8.
std::string Capped(const std::string& text, std::size_t limit);
[[nodiscard]] std::string ConditionReason(const nlohmann::json& status, std::string_view type);

}  // namespace stoker::reconcile
