#pragma once

// YAML text to JSON documents. Only parse.cc uses this; everybody else calls ParseDocuments.
//
// Thread safety: pure.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace stoker::api {

// All documents of the stream, empty ones as null.
Result<std::vector<nlohmann::json>> ReadYaml(std::string_view text);

}  // namespace stoker::api
