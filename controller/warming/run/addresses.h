#pragma once

// How each origin is asked for an entry: templates over what every source of the policy offers, the
// key and the variables that all of them share.
//
// Thread safety: pure.

#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

struct Addresses {
  // One each, over `key` and then the columns; those of http targets, where they take the place.
  std::vector<Template> origins;
  std::vector<std::string> columns;  // those that any of them uses
};  // both empty where nothing is fetched

// A target that is filled by fetching through it.
inline bool IsHttpTarget(const api::Target& target) { return target.http.has_value(); }
bool FetchesThroughTargets(const api::WarmingPolicySpec& policy);

// Whether every entry is asked of the same hosts: no variable has a part in a URL's host or port.
bool HaveOneHost(const api::WarmingPolicySpec& policy);

// kInvalid names the field: an unknown variable, or a text that gives no URL.
Result<Addresses> ParseAddresses(const api::WarmingPolicySpec& policy);

}  // namespace stoker::warming
