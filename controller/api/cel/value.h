#pragma once

// What a CEL expression computes: a scalar, a list, a map, or an error.
//
// Lists and maps that come from the manifest are views of its JSON, so that a rule over a thousand
// keys copies nothing; lists that a rule makes itself are shared. An error is a value, because in
// CEL `false && error` is false and `true || error` is true.
//
// Thread safety: plain values. Lifetime: a value must not outlive the JSON that it was made from.

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace stoker::api::cel {

class Value;
using List = std::vector<Value>;

struct Null {};
struct Failure {
  std::string message;
};
struct JsonList {
  const nlohmann::json* json;
};
struct JsonMap {
  const nlohmann::json* json;
};
struct Quantity {
  long double number;
};
struct Type {  // of a value, as type(x) gives it and as `int` and `string` name it
  std::string name;
};
using Duration = std::chrono::nanoseconds;

class Value {
 public:
  using Data = std::variant<Null, bool, std::int64_t, double, std::string, JsonList, JsonMap,
                            std::shared_ptr<const List>, Duration, Quantity, Type, Failure>;

  Value() = default;
  Value(Data data) : data_(std::move(data)) {}  // NOLINT: every alternative is a value
  static Value FromJson(const nlohmann::json& json);
  static Value Error(std::string message) { return Value(Data(Failure{std::move(message)})); }

  template <class T>
  [[nodiscard]] const T* As() const {
    return std::get_if<T>(&data_);
  }
  [[nodiscard]] bool IsError() const { return As<Failure>() != nullptr; }
  [[nodiscard]] bool IsList() const { return As<JsonList>() || As<std::shared_ptr<const List>>(); }
  [[nodiscard]] std::string TypeName() const;

  // Of a list or map; 0 for anything else.
  [[nodiscard]] std::size_t Size() const;
  // Of a list; `index` < Size().
  [[nodiscard]] Value At(std::size_t index) const;
  // What a macro ranges over: the items of a list, the keys of a map.
  [[nodiscard]] Value Item(std::size_t index) const;

 private:
  Data data_;
};

// CEL's equality: numbers by value whatever their type, lists item by item, other types never
// equal.
bool Equal(const Value& left, const Value& right);

}  // namespace stoker::api::cel
