#include "controller/api/cel/value.h"

#include <iterator>
#include <optional>

namespace stoker::api::cel {

using nlohmann::json;

Value Value::FromJson(const json& value) {
  switch (value.type()) {
    case json::value_t::boolean:
      return Data(value.get<bool>());
    case json::value_t::number_integer:
      return Data(value.get<std::int64_t>());
    case json::value_t::number_unsigned: {
      const auto number = value.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(INT64_MAX)) return Data(static_cast<double>(number));
      return Data(static_cast<std::int64_t>(number));
    }
    case json::value_t::number_float:
      return Data(value.get<double>());
    case json::value_t::string:
      return Data(value.get<std::string>());
    case json::value_t::array:
      return Data(JsonList{&value});
    case json::value_t::object:
      return Data(JsonMap{&value});
    default:
      return Data(Null{});
  }
}

std::string Value::TypeName() const {
  static constexpr const char* kNames[] = {"null_type", "bool",     "int",  "double",
                                           "string",    "list",     "map",  "list",
                                           "duration",  "quantity", "type", "error"};
  return kNames[data_.index()];
}

std::size_t Value::Size() const {
  if (const auto* list = As<JsonList>()) return list->json->size();
  if (const auto* map = As<JsonMap>()) return map->json->size();
  if (const auto* list = As<std::shared_ptr<const List>>()) return (*list)->size();
  return 0;
}

Value Value::At(std::size_t index) const {
  if (const auto* list = As<JsonList>()) return FromJson((*list->json)[index]);
  if (const auto* list = As<std::shared_ptr<const List>>()) return (**list)[index];
  return Error("not a list");
}

Value Value::Item(std::size_t index) const {
  const auto* map = As<JsonMap>();
  if (map == nullptr) return At(index);
  return Data(std::next(map->json->begin(), static_cast<std::ptrdiff_t>(index)).key());
}

namespace {

std::optional<double> AsNumber(const Value& value) {
  if (const auto* number = value.As<std::int64_t>()) return static_cast<double>(*number);
  if (const auto* number = value.As<double>()) return *number;
  return std::nullopt;
}

bool EqualLists(const Value& left, const Value& right) {
  if (left.Size() != right.Size()) return false;
  for (std::size_t i = 0; i < left.Size(); ++i) {
    if (!Equal(left.At(i), right.At(i))) return false;
  }
  return true;
}

}  // namespace

bool Equal(const Value& left, const Value& right) {
  const auto* left_int = left.As<std::int64_t>();
  const auto* right_int = right.As<std::int64_t>();
  if (left_int && right_int) return *left_int == *right_int;
  if (const auto a = AsNumber(left), b = AsNumber(right); a && b) return *a == *b;
  if (left.IsList() && right.IsList()) return EqualLists(left, right);
  if (const auto* a = left.As<std::string>()) {
    const auto* b = right.As<std::string>();
    return b && *a == *b;
  }
  if (const auto* a = left.As<bool>()) {
    const auto* b = right.As<bool>();
    return b && *a == *b;
  }
  if (const auto* a = left.As<JsonMap>()) {
    const auto* b = right.As<JsonMap>();
    return b && *a->json == *b->json;
  }
  if (const auto* a = left.As<Duration>()) {
    const auto* b = right.As<Duration>();
    return b && *a == *b;
  }
  if (const auto* a = left.As<Quantity>()) {
    const auto* b = right.As<Quantity>();
    return b && a->number == b->number;
  }
  if (const auto* a = left.As<Type>()) {
    const auto* b = right.As<Type>();
    return b && a->name == b->name;
  }
  return left.As<Null>() && right.As<Null>();
}

}  // namespace stoker::api::cel
