#include <cmath>

#include "controller/api/manifest.h"
#include "controller/base/hash.h"

namespace stoker::api {
namespace {

// Above this a double no longer holds every whole number.
constexpr double kMaxExact = 9007199254740992.0;

// 1.0 and 1 are one number to a user, and servers write either.
nlohmann::json Canonical(const nlohmann::json& value) {
  if (value.is_object()) {
    nlohmann::json copy = nlohmann::json::object();
    for (const auto& [name, member] : value.items()) {
      if (!member.is_null()) copy[name] = Canonical(member);
    }
    return copy;
  }
  if (value.is_array()) {
    nlohmann::json copy = nlohmann::json::array();
    for (const nlohmann::json& item : value) copy.push_back(Canonical(item));
    return copy;
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::floor(number) == number && std::abs(number) < kMaxExact) {
      return static_cast<std::int64_t>(number);
    }
  }
  return value;
}

}  // namespace

std::string ChangeHash(const nlohmann::json& spec) {
  nlohmann::json warmed = nlohmann::json::object();
  for (const char* part : {"sources", "strategy", "origins", "targets"}) {
    if (spec.is_object() && spec.contains(part)) warmed[part] = Canonical(spec[part]);
  }
  // The members of an object are sorted, so the text depends on the content alone.
  return Sha256Hex(warmed.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace stoker::api
