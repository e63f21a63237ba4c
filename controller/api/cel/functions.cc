#include "controller/api/cel/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "controller/api/cel/text.h"
#include "controller/api/quantity.h"

namespace stoker::api::cel {
namespace {

using Arguments = std::span<const Value>;
using Function = Value (*)(Arguments, const RE2*);

// The string at a place; an empty one where it is none (the caller has looked at the types).
const std::string& Text(Arguments arguments, std::size_t index) {
  static const std::string kEmpty;
  const auto* text = arguments[index].As<std::string>();
  return text ? *text : kEmpty;
}

Value NoOverload(std::string_view name, Arguments arguments) {
  std::string types;
  for (const Value& argument : arguments) {
    if (!types.empty()) types += ", ";
    types += argument.TypeName();
  }
  return Value::Error(fmt::format("no such overload: {}({})", name, types));
}

Value Matches(Arguments a, const RE2* regex) {
  if (regex) return Value::Data(RE2::PartialMatch(Text(a, 0), *regex));
  const RE2 pattern(Text(a, 1), RE2::Quiet);
  if (!pattern.ok()) return Value::Error("bad regular expression: " + pattern.error());
  return Value::Data(RE2::PartialMatch(Text(a, 0), pattern));
}

Value SizeOf(Arguments a, const RE2*) {
  if (const auto* text = a[0].As<std::string>()) {
    return Value::Data(static_cast<std::int64_t>(CountCodePoints(*text)));
  }
  if (a[0].IsList() || a[0].As<JsonMap>())
    return Value::Data(static_cast<std::int64_t>(a[0].Size()));
  return NoOverload("size", a);
}

Value Split(Arguments a, const RE2*) {
  auto parts = std::make_shared<List>();
  for (std::string& part : SplitText(Text(a, 0), Text(a, 1)))
    parts->push_back(Value::Data(std::move(part)));
  return Value::Data(std::shared_ptr<const List>(std::move(parts)));
}

Value Join(Arguments a, const RE2*) {
  std::string joined;
  for (std::size_t i = 0; i < a[0].Size(); ++i) {
    const Value item = a[0].At(i);
    const auto* text = item.As<std::string>();
    if (text == nullptr) return NoOverload("join", a);
    if (i > 0 && a.size() == 2) joined += Text(a, 1);
    joined += *text;
  }
  return Value::Data(std::move(joined));
}

Value Position(const std::string& text, std::size_t byte) {
  if (byte == std::string::npos) return Value::Data(std::int64_t{-1});
  const std::string_view before = std::string_view(text).substr(0, byte);
  return Value::Data(static_cast<std::int64_t>(CountCodePoints(before)));
}

Value IndexOf(Arguments a, const RE2*) { return Position(Text(a, 0), Text(a, 0).find(Text(a, 1))); }
Value LastIndexOf(Arguments a, const RE2*) {
  return Position(Text(a, 0), Text(a, 0).rfind(Text(a, 1)));
}

Value Substring(Arguments a, const RE2*) {
  const std::string& text = Text(a, 0);
  const auto size = static_cast<std::int64_t>(CountCodePoints(text));
  const auto* from = a[1].As<std::int64_t>();
  const auto* to = a.size() == 3 ? a[2].As<std::int64_t>() : &size;
  if (from == nullptr || to == nullptr) return NoOverload("substring", a);
  if (*from < 0 || *to > size || *from > *to) return Value::Error("index out of range");
  const std::size_t first = CodePointOffset(text, static_cast<std::size_t>(*from));
  const std::size_t last = CodePointOffset(text, static_cast<std::size_t>(*to));
  return Value::Data(text.substr(first, last - first));
}

Value ToInt(Arguments a, const RE2*) {
  if (a[0].As<std::int64_t>()) return a[0];
  if (const auto* number = a[0].As<double>()) {
    constexpr double kLimit = 9.2e18;
    if (!(std::abs(*number) < kLimit)) return Value::Error("integer overflow");
    return Value::Data(static_cast<std::int64_t>(*number));
  }
  const auto* text = a[0].As<std::string>();
  if (text == nullptr) return NoOverload("int", a);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) {
    return Value::Error("a string that is not a whole number was converted to int");
  }
  return Value::Data(number);
}

Value ToDouble(Arguments a, const RE2*) {
  if (const auto* number = a[0].As<std::int64_t>())
    return Value::Data(static_cast<double>(*number));
  if (a[0].As<double>()) return a[0];
  const auto* text = a[0].As<std::string>();
  if (text == nullptr) return NoOverload("double", a);
  double number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) {
    return Value::Error("a string that is not a number was converted to double");
  }
  return Value::Data(number);
}

Value ToText(Arguments a, const RE2*) {
  if (a[0].As<std::string>()) return a[0];
  if (const auto* number = a[0].As<std::int64_t>()) return Value::Data(fmt::format("{}", *number));
  if (const auto* number = a[0].As<double>()) return Value::Data(fmt::format("{}", *number));
  if (const auto* truth = a[0].As<bool>())
    return Value::Data(std::string(*truth ? "true" : "false"));
  return NoOverload("string", a);
}

Value ToDuration(Arguments a, const RE2*) {
  const std::optional<Duration> duration = ParseGoDuration(Text(a, 0));
  if (!duration) return Value::Error("a string that is not a duration was converted to duration");
  return Value::Data(*duration);
}

Value IsQuantity(Arguments a, const RE2*) {
  return Value::Data(ParseQuantity(Text(a, 0)).has_value());
}

Value ToQuantity(Arguments a, const RE2*) {
  const std::optional<long double> number = ParseQuantity(Text(a, 0));
  if (!number) return Value::Error("a string that is not a quantity was converted to quantity");
  return Value::Data(Quantity{*number});
}

Value CompareTo(Arguments a, const RE2*) {
  const auto* left = a[0].As<Quantity>();
  const auto* right = a[1].As<Quantity>();
  if (left == nullptr || right == nullptr) return NoOverload("compareTo", a);
  const int order = left->number < right->number ? -1 : left->number > right->number ? 1 : 0;
  return Value::Data(std::int64_t{order});
}

Value TypeOf(Arguments a, const RE2*) { return Value::Data(Type{a[0].TypeName()}); }

struct Entry {
  std::string_view name;
  bool member;
  std::size_t arguments;
  char types;  // 's': all are strings; 't': the first is a string; 'l': the first is a list; 'a':
               // any
  Function function;
};

constexpr Entry kFunctions[] = {
    {"startsWith", true, 2, 's',
     [](Arguments a, const RE2*) {
       return Value(Value::Data(Text(a, 0).starts_with(Text(a, 1))));
     }},
    {"endsWith", true, 2, 's',
     [](Arguments a, const RE2*) { return Value(Value::Data(Text(a, 0).ends_with(Text(a, 1)))); }},
    {"contains", true, 2, 's',
     [](Arguments a, const RE2*) {
       return Value(Value::Data(Text(a, 0).find(Text(a, 1)) != std::string::npos));
     }},
    {"matches", true, 2, 's', Matches},
    {"matches", false, 2, 's', Matches},
    {"split", true, 2, 's', Split},
    {"join", true, 1, 'l', Join},
    {"join", true, 2, 'l', Join},
    {"indexOf", true, 2, 's', IndexOf},
    {"lastIndexOf", true, 2, 's', LastIndexOf},
    {"substring", true, 2, 't', Substring},
    {"substring", true, 3, 't', Substring},
    {"lowerAscii", true, 1, 's',
     [](Arguments a, const RE2*) { return Value(Value::Data(LowerAscii(Text(a, 0)))); }},
    {"trim", true, 1, 's',
     [](Arguments a, const RE2*) { return Value(Value::Data(Trim(Text(a, 0)))); }},
    {"replace", true, 3, 's',
     [](Arguments a, const RE2*) {
       return Value(Value::Data(ReplaceAll(Text(a, 0), Text(a, 1), Text(a, 2))));
     }},
    {"size", true, 1, 'a', SizeOf},
    {"size", false, 1, 'a', SizeOf},
    {"int", false, 1, 'a', ToInt},
    {"double", false, 1, 'a', ToDouble},
    {"string", false, 1, 'a', ToText},
    {"type", false, 1, 'a', TypeOf},
    {"duration", false, 1, 's', ToDuration},
    {"isQuantity", false, 1, 's', IsQuantity},
    {"quantity", false, 1, 's', ToQuantity},
    {"compareTo", true, 2, 'a', CompareTo},
};

const Entry* FindEntry(std::string_view name, bool member, std::size_t arguments) {
  const auto* it =
      std::find_if(std::begin(kFunctions), std::end(kFunctions), [&](const Entry& entry) {
        return entry.name == name && entry.member == member && entry.arguments == arguments;
      });
  return it == std::end(kFunctions) ? nullptr : it;
}

bool Accepts(const Entry& entry, Arguments arguments) {
  const auto is_text = [](const Value& value) { return value.As<std::string>() != nullptr; };
  switch (entry.types) {
    case 's':
      return std::all_of(arguments.begin(), arguments.end(), is_text);
    case 't':
      return is_text(arguments[0]);
    case 'l':
      return arguments[0].IsList() && (arguments.size() == 1 || is_text(arguments[1]));
    default:
      return true;
  }
}

}  // namespace

bool IsFunction(std::string_view name, bool member, std::size_t arguments) {
  return FindEntry(name, member, arguments) != nullptr;
}

Value CallFunction(std::string_view name, bool member, std::span<const Value> arguments,
                   const RE2* regex) {
  const Entry* entry = FindEntry(name, member, arguments.size());
  if (entry == nullptr || !Accepts(*entry, arguments)) return NoOverload(name, arguments);
  return entry->function(arguments, regex);
}

}  // namespace stoker::api::cel
