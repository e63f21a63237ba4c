#pragma once

// The origin's URL as a template over what every source of the policy offers: the key, and the
// variables that all of them share.
//
// Thread safety: pure.

#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

struct UrlTemplate {
  Template url;                      // over `key` and then the columns
  std::vector<std::string> columns;  // those that the URL uses
};  // both empty where there is no origin

// Whether every entry is asked of the same host: no variable has a part in the URL's host or port.
bool HasOneHost(const api::WarmingPolicySpec& policy);

// kInvalid names the field: an unknown variable, or a text that gives no URL.
Result<UrlTemplate> ParseUrlTemplate(const api::WarmingPolicySpec& policy);

}  // namespace stoker::warming
