#include "controller/warming/source/json_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "controller/base/json.h"
#include "controller/warming/source/byte_reader.h"
#include "controller/warming/source/entry_fields.h"

namespace stoker::warming {
namespace {

using nlohmann::json;

Result<json::json_pointer> ToPointer(const char* field, const std::string& text) {
  try {
    return json::json_pointer(text);
  } catch (const json::exception&) {
    return Invalid(
        fmt::format("{}: \"{}\" is no JSON pointer; write /member/0/member", field, text));
  }
}

Status SetPointer(const char* field, const std::string& text,
                  std::optional<json::json_pointer>& pointer) {
  if (text.empty()) return {};
  STOKER_TRY(pointer, ToPointer(field, text));
  return {};
}

// Null where there is nothing. Never throws: what users write may lead into a string.
const json* At(const json& from, const json::json_pointer& pointer) {
  try {
    return from.contains(pointer) ? &from.at(pointer) : nullptr;
  } catch (const json::exception&) {
    return nullptr;
  }
}

// A string, a number or a boolean as text.
std::optional<std::string> Text(const json* value) {
  if (value == nullptr || value->is_null() || value->is_structured()) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  return value->dump();
}

std::optional<double> ToNumber(const json& value) {
  if (value.is_string()) return ParseNumber(value.get_ref<const std::string&>());
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::string EscapedForPointer(std::string_view name) {
  std::string escaped = "/";
  for (const char c : name) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return escaped;
}

}  // namespace

Result<JsonList> JsonList::Make(const api::HttpSource& spec,
                                const std::vector<std::string>& columns) {
  JsonList list;
  STOKER_TRY(list.items_, ToPointer("jsonPointer", spec.json_pointer));
  STOKER_CHECK(SetPointer("scorePointer", spec.score_pointer, list.score_));
  STOKER_CHECK(SetPointer("ttlPointer", spec.ttl_pointer, list.ttl_));
  STOKER_CHECK(SetPointer("valuePointer", spec.value_pointer, list.value_));
  STOKER_CHECK(SetPointer("paging.cursorPointer", spec.paging.cursor_pointer, list.cursor_));
  // A variable is a field of that name, or else the item's member of that name.
  const auto pointer_of = [&](const std::string& name) -> Result<Pointer> {
    const auto field = std::find_if(spec.fields.begin(), spec.fields.end(),
                                    [&](const api::JsonField& f) { return f.name == name; });
    return field == spec.fields.end() ? ToPointer("fields", EscapedForPointer(name))
                                      : ToPointer("fields", field->pointer);
  };
  const std::vector<std::string> names = Template::NamesIn(spec.key_template);
  auto key = Template::Parse(spec.key_template, Template::Kind::kKey, names);
  if (!key) return Annotate("keyTemplate", key.error());
  list.key_ = std::move(*key);
  for (const std::string& name : names) {
    STOKER_TRY(Pointer pointer, pointer_of(name));
    list.key_fields_.push_back(std::move(pointer));
  }
  if (list.value_) {
    list.empty_columns_ = columns.size();
    return list;
  }
  for (const std::string& name : columns) {
    STOKER_TRY(Pointer pointer, pointer_of(name));
    list.column_fields_.push_back(std::move(pointer));
  }
  return list;
}

Result<JsonList::Page> JsonList::Parse(std::string body) const {
  auto reader = ReadMaybeGzip(ReadString(std::move(body)), kMaxJsonPage);
  std::string text;
  while (true) {
    STOKER_TRY(const std::string_view piece, reader->Read());
    if (piece.empty()) break;
    text.append(piece);
  }
  auto parsed = ParseJson(text);
  if (!parsed) return Invalid("the document " + parsed.error().message);
  json document = std::move(*parsed);
  Page page;
  if (cursor_) page.cursor = Text(At(document, *cursor_)).value_or("");
  const json* items = At(document, items_);
  if (items == nullptr) {
    return Invalid(
        fmt::format("the document has nothing at jsonPointer \"{}\"", items_.to_string()));
  }
  if (!items->is_array()) {
    return Invalid(
        fmt::format("what the document has at jsonPointer \"{}\" is no array", items_.to_string()));
  }
  page.items = std::move(const_cast<json&>(*items));
  return page;
}

void JsonList::Append(const json& item, EntryChunk& chunk) const {
  EntryFields fields;
  const json* ttl = ttl_ ? At(item, *ttl_) : nullptr;
  if (ttl != nullptr && !ttl->is_null()) fields.SetTtl(ToNumber(*ttl));
  if (fields.expired) return;
  if (score_) {
    const json* score = At(item, *score_);
    fields.SetScore(score == nullptr || score->is_null() ? 0 : ToNumber(*score));
  }
  const auto text = [&](const Pointer& field) {
    auto found = Text(item.is_object() ? At(item, field) : &item);
    if (!found) fields.defect = EntryDefect::kMissingField;
    return std::move(found).value_or("");
  };
  std::vector<std::string> values;
  for (const Pointer& field : key_fields_) values.push_back(text(field));
  const std::vector<std::string_view> views(values.begin(), values.end());

  AppendKey(key_, views, fields.score, chunk);
  for (const Pointer& field : column_fields_) chunk.AppendColumn(text(field));
  for (std::size_t i = 0; i < empty_columns_; ++i) chunk.AppendColumn({});
  const json* value = value_ ? At(item, *value_) : nullptr;
  if (value_ && (value == nullptr || value->is_null())) fields.defect = EntryDefect::kMissingField;
  fields.CloseEntry(chunk);
  if (value_ && chunk.entries.back().defect == EntryDefect::kNone) {
    chunk.AppendValue(value->is_string() ? value->get_ref<const std::string&>() : value->dump());
  }
}

std::string NextLink(std::string_view header) {
  const auto trim = [](std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
  };
  while (true) {
    const std::size_t open = header.find('<');
    const std::size_t close = header.find('>', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) return {};
    const std::string_view target = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    // Parameters up to the comma that ends this link; commas in quotes end nothing.
    std::size_t end = 0;
    for (bool quoted = false; end < header.size() && (quoted || header[end] != ','); ++end) {
      if (header[end] == '"') quoted = !quoted;
    }
    std::string_view parameters = header.substr(0, end);
    header.remove_prefix(std::min(header.size(), end + 1));
    while (!parameters.empty()) {
      const std::size_t semicolon = parameters.find(';');
      std::string_view one = trim(parameters.substr(0, semicolon));
      parameters.remove_prefix(semicolon == std::string_view::npos ? parameters.size()
                                                                   : semicolon + 1);
      const std::size_t equals = one.find('=');
      if (equals == std::string_view::npos || trim(one.substr(0, equals)) != "rel") continue;
      std::string_view rel = trim(one.substr(equals + 1));
      if (rel.size() >= 2 && rel.front() == '"' && rel.back() == '"')
        rel = rel.substr(1, rel.size() - 2);
      const std::string padded = " " + std::string(rel) + " ";  // "next last" is both
      if (padded.find(" next ") != std::string::npos) return std::string(trim(target));
    }
  }
}

std::string WithParameter(std::string_view url, std::string_view name, std::string_view value) {
  const std::vector<std::string> known = {"name", "value"};
  std::string parameter;
  if (const auto text = Template::Parse("{name}={value}", Template::Kind::kUrl, known)) {
    const std::string_view values[] = {name, value};
    text->Render(values, parameter);
  }
  const std::size_t question = url.find('?');
  std::string result(url.substr(0, question));
  char separator = '?';
  std::string_view query = question == std::string_view::npos ? "" : url.substr(question + 1);
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.empty() || one.substr(0, one.find('=')) == parameter.substr(0, parameter.find('=')))
      continue;
    result += std::exchange(separator, '&');
    result += one;
  }
  return result + separator + parameter;
}

}  // namespace stoker::warming
