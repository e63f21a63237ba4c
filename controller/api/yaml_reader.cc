#include "controller/api/yaml_reader.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <sstream>
#include <utility>

#include "controller/api/json_builder.h"
#include "controller/api/yaml_scalar.h"

namespace stoker::api {
namespace {

using nlohmann::json;

// Where a failure stands, told to the parser's loop by an exception that never leaves this file.
struct Refused {
  YAML::Mark mark;
  std::string message;
};

// Adds the members of a merged mapping (`<<: *base`) that `object` does not have itself.
bool MergeInto(json& object, const json& merged) {
  if (merged.is_object()) {
    for (const auto& [name, value] : merged.items()) {
      if (!object.contains(name)) object[name] = value;
    }
    return true;
  }
  if (!merged.is_array()) return false;
  for (const json& item : merged) {
    if (!item.is_object()) return false;
    MergeInto(object, item);
  }
  return true;
}

std::size_t CountValues(const json& value) {
  std::size_t count = 1;
  if (value.is_structured()) {
    for (const json& item : value) count += CountValues(item);
  }
  return count;
}

// Keeps the tree that the parser's events describe. Containers are built on a stack of frames, as
// aliases and merges need finished values at hand.
class Reader final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {
    stack_.clear();
    anchors_.clear();
    document_ = nullptr;
    values_ = 0;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(mark, anchor, nullptr);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw Refused{mark, "an alias stands inside the value that it names"};
    Count(mark, CountValues(it->second));
    Add(mark, 0, it->second);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Result<json> resolved = tag == "?" || tag.empty() ? ResolvePlainScalar(value)
                            : tag == "!"              ? Result<json>(json(value))
                                                      : ResolveTaggedScalar(tag, value);
    if (!resolved) throw Refused{mark, resolved.error().message};
    const bool merge = tag == "?" && value == "<<" && ExpectsName();
    if (merge) {
      stack_.back().name = value;
      stack_.back().merging = true;
      return;
    }
    Add(mark, anchor, std::move(*resolved));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor, json::array());
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor, json::object());
  }
  void OnMapEnd() override { Close(); }

  json TakeDocument() { return std::exchange(document_, nullptr); }

 private:
  struct Frame {
    YAML::Mark mark;
    YAML::anchor_t anchor;
    json value;
    std::optional<std::string> name;  // of the member whose value comes next
    bool merging = false;
    json merged = json::array();
  };

  [[nodiscard]] bool ExpectsName() const {
    return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().name;
  }

  void Count(const YAML::Mark& mark, std::size_t values) {
    values_ += values;
    if (values_ > JsonBuilder::kMaxValues) {
      throw Refused{mark, fmt::format("holds more than {} values", JsonBuilder::kMaxValues)};
    }
  }

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, json container) {
    if (ExpectsName()) throw Refused{mark, "the name of a field is a list or a map"};
    if (stack_.size() >= JsonBuilder::kMaxDepth) {
      throw Refused{mark, fmt::format("nested deeper than {} levels", JsonBuilder::kMaxDepth)};
    }
    stack_.push_back({mark, anchor, std::move(container), std::nullopt, false, json::array()});
  }

  void Close() {
    Frame done = std::move(stack_.back());
    stack_.pop_back();
    for (const json& merged : done.merged) {
      if (!MergeInto(done.value, merged)) {
        throw Refused{done.mark, "`<<` merges a map or a list of maps, nothing else"};
      }
    }
    Add(done.mark, done.anchor, std::move(done.value));
  }

  void Add(const YAML::Mark& mark, YAML::anchor_t anchor, json value) {
    Count(mark, 1);
    if (anchor != 0) anchors_[anchor] = value;
    if (stack_.empty()) {
      document_ = std::move(value);
      return;
    }
    Frame& top = stack_.back();
    if (top.value.is_array()) {
      top.value.push_back(std::move(value));
    } else if (!top.name) {
      NameMember(mark, value);
    } else if (std::exchange(top.merging, false)) {
      top.name.reset();
      top.merged.push_back(std::move(value));
    } else {
      top.value[*std::exchange(top.name, std::nullopt)] = std::move(value);
    }
  }

  void NameMember(const YAML::Mark& mark, const json& scalar) {
    Result<std::string> name = MemberName(scalar);
    if (!name) throw Refused{mark, name.error().message};
    if (stack_.back().value.contains(*name))
      throw Refused{mark, DuplicateField(PathTo(*name)).message};
    stack_.back().name = std::move(*name);
  }

  [[nodiscard]] std::string PathTo(const std::string& name) const {
    std::string path;
    for (const Frame& frame : stack_) {
      if (frame.value.is_array()) {
        path += fmt::format("[{}]", frame.value.size());
      } else {
        path += (path.empty() ? "" : ".") + frame.name.value_or(name);
      }
    }
    return path;
  }

  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, json> anchors_;
  json document_;
  std::size_t values_ = 0;
};

Error AtLine(const YAML::Mark& mark, std::string_view message) {
  return Invalid(fmt::format("line {}: {}", mark.line + 1, message));
}

}  // namespace

Result<std::vector<json>> ReadYaml(std::string_view text) {
  std::vector<json> documents;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Reader reader;
    while (parser.HandleNextDocument(reader)) documents.push_back(reader.TakeDocument());
  } catch (const Refused& refused) {
    return AtLine(refused.mark, refused.message);
  } catch (const YAML::Exception& e) {
    return AtLine(e.mark, "this is not YAML: " + e.msg);
  }
  return documents;
}

}  // namespace stoker::api
