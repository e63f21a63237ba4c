#pragma once

// What a YAML scalar means, as kubectl reads it.
//
// kubectl turns YAML into JSON by rules of YAML 1.1 that surprise: `no`, `off` and `n` are false,
// `010` is 8, `0o17`, `0x1f`, `0b11` and `1_000` are numbers, `1.0` is the whole number 1, while
// dates and `12:30` stay strings. Quoted scalars are strings whatever they hold.
//
// Thread safety: pure functions.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace stoker::api {

// kubectl writes a float as the shortest JSON number, so 1.0 and 1e3 arrive as whole numbers.
nlohmann::json NumberAsKubectlWritesIt(double value);

// A plain (unquoted, untagged) scalar. Infinities and NaN are kInvalid: JSON has none.
Result<nlohmann::json> ResolvePlainScalar(std::string_view text);

// A scalar with an explicit tag ("tag:yaml.org,2002:str", ...), quoted or not.
Result<nlohmann::json> ResolveTaggedScalar(std::string_view tag, std::string_view text);

// The name of an object member that a scalar stands for: `yes:` is the member "true", `010:` is
// "8".
Result<std::string> MemberName(const nlohmann::json& scalar);

}  // namespace stoker::api
