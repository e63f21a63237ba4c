#include <fmt/format.h>

#include <sstream>
#include <utility>

#include "controller/api/json_builder.h"
#include "controller/api/manifest.h"
#include "controller/api/yaml_reader.h"
#include "controller/api/yaml_scalar.h"

namespace stoker::api {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
constexpr std::string_view kSpace = " \t\r\n";

// The complaint of the JSON library without its code and without the manifest's own text, which may
// be a Secret's.
std::string WithoutText(std::string_view complaint) {
  const std::size_t code = complaint.find("] ");
  if (code != std::string_view::npos) complaint.remove_prefix(code + 2);
  const std::size_t quoted = complaint.find("; last read: ");
  if (quoted == std::string_view::npos) return std::string(complaint);
  const std::size_t expected = complaint.rfind("; expected ");
  std::string rest(complaint.substr(0, quoted));
  if (expected != std::string_view::npos && expected > quoted) rest += complaint.substr(expected);
  return rest;
}

// Feeds the events of nlohmann's JSON parser to a JsonBuilder.
class JsonEvents final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return Value(nullptr); }
  bool boolean(bool value) override { return Value(value); }
  bool number_integer(number_integer_t value) override { return Value(value); }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr std::uint64_t kMaxSigned = 9223372036854775807;
    return value <= kMaxSigned ? Value(static_cast<std::int64_t>(value)) : Value(value);
  }
  bool number_float(number_float_t value, const string_t&) override {
    return Value(NumberAsKubectlWritesIt(value));
  }
  bool string(string_t& value) override { return Value(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    builder_.StartObject();
    return !builder_.failed();
  }
  bool key(string_t& name) override {
    builder_.Key(std::move(name));
    return !builder_.failed();
  }
  bool end_object() override { return End(); }
  bool start_array(std::size_t) override {
    builder_.StartArray();
    return !builder_.failed();
  }
  bool end_array() override { return End(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    syntax_error_ = WithoutText(e.what());
    return false;
  }

  [[nodiscard]] const std::string& syntax_error() const { return syntax_error_; }
  Result<json> Take() { return builder_.Take(); }

 private:
  bool Value(json value) {
    builder_.Value(std::move(value));
    return !builder_.failed();
  }
  bool End() {
    builder_.End();
    return !builder_.failed();
  }

  JsonBuilder builder_;
  std::string syntax_error_;
};

struct JsonStream {
  std::vector<json> documents;
  std::string syntax_error;  // not empty: the text is not JSON
};

// One JSON value after another, as `kubectl get -o json` and tools write them.
Result<JsonStream> ReadJson(std::string_view text) {
  JsonStream stream;
  std::istringstream input{std::string(text)};
  while (input >> std::ws, input.peek() != std::istringstream::traits_type::eof()) {
    JsonEvents events;
    const bool parsed = json::sax_parse(input, &events, json::input_format_t::json, false);
    if (!events.syntax_error().empty()) {
      stream.syntax_error = events.syntax_error();
      return stream;
    }
    STOKER_TRY(json document, events.Take());
    if (!parsed) return Invalid("the JSON cannot be read");
    stream.documents.push_back(std::move(document));
  }
  return stream;
}

}  // namespace

Result<std::vector<json>> ParseDocuments(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return Invalid(fmt::format("the manifest has {} bytes; more than {} are not read", text.size(),
                               kMaxBytes));
  }
  std::vector<json> documents;
  std::string json_error;
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first != std::string_view::npos && text[first] == '{') {
    STOKER_TRY(JsonStream stream, ReadJson(text));
    json_error = std::move(stream.syntax_error);
    documents = std::move(stream.documents);
  }
  // A text that begins with a brace may still be YAML, written in flow style.
  const bool is_json = !documents.empty() && json_error.empty();
  if (!is_json) {
    Result<std::vector<json>> read = ReadYaml(text);
    if (!read)
      return json_error.empty() ? read.error() : Invalid("this is not JSON: " + json_error);
    documents = std::move(*read);
  }
  std::erase_if(documents, [](const json& document) { return document.is_null(); });
  return documents;
}

}  // namespace stoker::api
