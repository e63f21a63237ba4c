#include "controller/api/yaml_reader.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "controller/api/json_builder.h"
#include "controller/api/yaml_scalar.h"
#include "controller/api/yaml_text.h"

namespace stoker::api {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxCopiedBytes = std::size_t{4} << 20;

// Where a failure stands, told to the parser's loop by an exception that never leaves this file.
struct Refused {
  YAML::Mark mark;
  std::string message;
};

// What a copy of a value costs.
struct Cost {
  std::size_t values = 0;
  std::size_t bytes = 0;  // of text
};

void AddCost(const json& value, Cost& cost) {
  ++cost.values;
  if (value.is_string()) cost.bytes += value.get_ref<const std::string&>().size();
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      cost.bytes += name.size();
      AddCost(member, cost);
    }
  }
  if (value.is_array()) {
    for (const json& item : value) AddCost(item, cost);
  }
}

// Keeps the tree that the parser's events describe. Containers are built on a stack of frames, as
// aliases and merges need finished values at hand.
class Reader final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    // On some broken texts the parser stands still, and would find empty documents for ever.
    if (mark.pos == last_start_) throw Refused{mark, "this is not YAML"};
    last_start_ = mark.pos;
    stack_.clear();
    anchors_.clear();
    document_ = nullptr;
    values_ = 0;
    copied_bytes_ = 0;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(mark, anchor, nullptr);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw Refused{mark, "an alias stands inside the value that it names"};
    ChargeCopy(mark, it->second);
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
    std::set<std::string> written;  // names of members that were not merged
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

  // Aliases and anchors copy; without a cap a short text could grow to any size.
  void ChargeCopy(const YAML::Mark& mark, const json& value) {
    Cost cost;
    AddCost(value, cost);
    Count(mark, cost.values);
    copied_bytes_ += cost.bytes;
    if (copied_bytes_ > kMaxCopiedBytes) {
      throw Refused{mark, fmt::format("aliases copy more than {} bytes", kMaxCopiedBytes)};
    }
  }

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, json container) {
    if (ExpectsName()) throw Refused{mark, "the name of a field is a list or a map"};
    if (stack_.size() >= JsonBuilder::kMaxDepth) {
      throw Refused{mark, fmt::format("nested deeper than {} levels", JsonBuilder::kMaxDepth)};
    }
    stack_.push_back({mark, anchor, std::move(container), std::nullopt, false, {}});
  }

  void Close() {
    Frame done = std::move(stack_.back());
    stack_.pop_back();
    Add(done.mark, done.anchor, std::move(done.value));
  }

  void Add(const YAML::Mark& mark, YAML::anchor_t anchor, json value) {
    Count(mark, 1);
    if (anchor != 0) {
      ChargeCopy(mark, value);
      anchors_[anchor] = value;
    }
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
      Merge(mark, value);
    } else {
      top.value[*std::exchange(top.name, std::nullopt)] = std::move(value);
    }
  }

  // As kubectl reads `<<`: it overrides what stands above it, and what stands below overrides it.
  // Of a list of maps the first that has a member gives it.
  void Merge(const YAML::Mark& mark, const json& merged) {
    json& object = stack_.back().value;
    const bool list =
        merged.is_array() && std::all_of(merged.begin(), merged.end(),
                                         [](const json& item) { return item.is_object(); });
    if (!merged.is_object() && !list) {
      throw Refused{mark, "`<<` merges a map or a list of maps, nothing else"};
    }
    if (merged.is_object()) return object.update(merged);
    for (auto item = merged.rbegin(); item != merged.rend(); ++item) object.update(*item);
  }

  void NameMember(const YAML::Mark& mark, const json& scalar) {
    Result<std::string> name = MemberName(scalar);
    if (!name) throw Refused{mark, name.error().message};
    if (!stack_.back().written.insert(*name).second) {
      throw Refused{mark, DuplicateField(PathTo(*name)).message};
    }
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
  int last_start_ = -1;  // of a document
  std::size_t values_ = 0;
  std::size_t copied_bytes_ = 0;
};

Error AtLine(const YAML::Mark& mark, std::string_view message) {
  return Invalid(fmt::format("line {}: {}", mark.line + 1, message));
}

// The parser takes a quoted scalar that the text breaks off after a line end for a whole one; the
// mark of a document's end makes it see that the quote is missing.
std::string WithEndMark(std::string_view text) {
  const std::size_t last_line = text.rfind('\n') + 1;
  const bool blank = text.find_first_not_of(" \t", last_line) == std::string_view::npos;
  return blank ? std::string(text.substr(0, last_line)) + "...\n" : std::string(text);
}

}  // namespace

Result<std::vector<json>> ReadYaml(std::string_view text) {
  STOKER_CHECK(CheckYamlText(text));
  std::vector<json> documents;
  try {
    std::istringstream stream{WithEndMark(text)};
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
