#include "controller/reconcile/conditions.h"

#include "controller/reconcile/json_view.h"

namespace stoker::reconcile {
namespace {
constexpr std::size_t kMaxMessage = 1024;  // the CRD allows more, which nobody would read
}

std::string Capped(const std::string& text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

void SetCondition(nlohmann::json& status, const Condition& condition, WallTime now) {
  nlohmann::json made = {{"type", condition.type},
                         {"status", condition.status},
                         {"reason", condition.reason},
                         {"message", Capped(condition.message, kMaxMessage)},
                         {"observedGeneration", condition.observed_generation},
                         {"lastTransitionTime", FormatTime(now)}};
  nlohmann::json& list = status["conditions"];
  if (!list.is_array()) list = nlohmann::json::array();
  for (nlohmann::json& old : list) {
    if (Text(old, {"type"}) != condition.type) continue;
    if (Text(old, {"status"}) == condition.status && old.contains("lastTransitionTime")) {
      made["lastTransitionTime"] = old["lastTransitionTime"];
    }
    old = std::move(made);
    return;
  }
  list.push_back(std::move(made));
}

void RemoveCondition(nlohmann::json& status, std::string_view type) {
  const auto conditions = status.find("conditions");
  if (conditions == status.end() || !conditions->is_array()) return;
  auto kept = nlohmann::json::array();
  for (const nlohmann::json& condition : *conditions) {
    if (Text(condition, {"type"}) != type) kept.push_back(condition);
  }
  *conditions = std::move(kept);
}

const nlohmann::json* FindCondition(const nlohmann::json& status, std::string_view type) {
  const nlohmann::json* list = Find(status, {"conditions"});
  if (list == nullptr || !list->is_array()) return nullptr;
  for (const nlohmann::json& condition : *list) {
    if (Text(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

bool IsTrue(const nlohmann::json& status, std::string_view type) {
  const nlohmann::json* condition = FindCondition(status, type);
  return condition != nullptr && Text(*condition, {"status"}) == "True";
}

std::string ConditionReason(const nlohmann::json& status, std::string_view type) {
  const nlohmann::json* condition = FindCondition(status, type);
  return condition == nullptr ? "" : Text(*condition, {"reason"});
}

}  // namespace stoker::reconcile
