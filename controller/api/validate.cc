#include <fmt/format.h>

#include <array>
#include <utility>

#include "controller/api/cel/text.h"
#include "controller/api/manifest.h"
#include "controller/api/metadata.h"
#include "controller/api/schema.h"
#include "crds/crd_files.h"

namespace stoker::api {
namespace {

using nlohmann::json;

struct Kind {
  std::string name;
  Schema schema;
};

// A CRD file of ours, compiled. The files are part of the program, so a fault in them is a bug,
// which tests/unit/api finds; it is told rather than asserted, as the schema decides what is
// accepted.
Result<Kind> CompileKind(std::string_view yaml) {
  STOKER_TRY(const std::vector<json> documents, ParseDocuments(yaml));
  if (documents.size() != 1) return Internal("a CRD file holds one document");
  const json& spec = documents[0]["spec"];
  STOKER_TRY(Schema schema, Schema::Compile(spec["versions"][0]["schema"]["openAPIV3Schema"]));
  return Kind{spec["names"]["kind"].get<std::string>(), std::move(schema)};
}

using Kinds = std::array<Result<Kind>, 2>;

const Kinds& AllKinds() {
  static const Kinds kinds = {CompileKind(crds::WarmingPolicies()),
                              CompileKind(crds::PrewarmSchedules())};
  return kinds;
}

std::string MemberText(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// What is wrong with apiVersion and kind; empty: they are ours.
std::vector<FieldError> CheckKind(const json& object) {
  if (!object.is_object())
    return {{"", "a manifest is an object with apiVersion, kind, metadata and spec"}};
  std::vector<FieldError> errors;
  if (MemberText(object, "apiVersion") != kApiVersion) {
    errors.push_back({"apiVersion", fmt::format("must be {}", kApiVersion)});
  }
  const std::string kind = MemberText(object, "kind");
  if (kind != "WarmingPolicy" && kind != "PrewarmSchedule") {
    errors.push_back({"kind", "must be WarmingPolicy or PrewarmSchedule"});
  }
  return errors;
}

std::vector<FieldError> Judge(const Schema& schema, json& object) {
  // An unknown field is told alone: what else is wrong may come from the misspelt name.
  std::vector<FieldError> errors = UnknownMetadataFields(object);
  FindUnknownFields(schema, object, "", errors);
  if (!errors.empty()) return errors;
  ApplyDefaults(schema, object);
  errors = CheckMetadata(object);
  const bool named = errors.empty();
  if (CheckStructure(schema, object, "", errors) && named) CheckRules(schema, object, "", errors);
  return errors;
}

// Names in a manifest may hold anything; what is told of them stays short and on its line.
std::string Presentable(std::string text, std::size_t max_size) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  if (text.size() > max_size) text = text.substr(0, cel::CodePointOffset(text, max_size)) + "...";
  return text;
}

std::vector<FieldError> Presentable(std::vector<FieldError> errors) {
  constexpr std::size_t kMaxErrors = 50;
  constexpr std::size_t kMaxField = 300;
  constexpr std::size_t kMaxMessage = 1000;
  const std::size_t found = errors.size();
  if (found > kMaxErrors) {
    errors.resize(kMaxErrors);
    errors.push_back({"", fmt::format("{} more complaints are not shown", found - kMaxErrors)});
  }
  for (FieldError& error : errors) {
    error.field = Presentable(std::move(error.field), kMaxField);
    error.message = Presentable(std::move(error.message), kMaxMessage);
  }
  return errors;
}

std::vector<FieldError> DefaultAndJudge(json& object) {
  std::vector<FieldError> errors = CheckKind(object);
  if (!errors.empty()) return errors;
  const std::string name = object["kind"].get<std::string>();
  for (const Result<Kind>& kind : AllKinds()) {
    if (!kind) return {{"", "the schema cannot be read: " + kind.error().message}};
    if (kind->name == name) return Judge(kind->schema, object);
  }
  return {{"kind", "must be WarmingPolicy or PrewarmSchedule"}};
}

}  // namespace

std::vector<FieldError> DefaultAndValidate(json& object) {
  return Presentable(DefaultAndJudge(object));
}

Error ToError(const json& object, const std::vector<FieldError>& errors) {
  const ObjectMeta meta = ToObjectMeta(object);
  std::string text = object.is_object() ? MemberText(object, "kind") : "";
  if (text.empty()) text = "manifest";
  const std::string name = meta.namespace_.empty() ? meta.name : meta.namespace_ + "/" + meta.name;
  if (!name.empty()) text += " " + name;
  const char* separator = ": ";
  for (const FieldError& error : errors) {
    text += separator;
    if (!error.field.empty()) text += error.field + ": ";
    text += error.message;
    separator = "; ";
  }
  return Invalid(std::move(text));
}

std::string_view CrdYaml(std::string_view plural) {
  if (plural == "warmingpolicies") return crds::WarmingPolicies();
  if (plural == "prewarmschedules") return crds::PrewarmSchedules();
  return {};
}

}  // namespace stoker::api
