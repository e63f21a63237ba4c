#include "controller/api/json_builder.h"

#include <fmt/format.h>

#include <utility>

namespace stoker::api {

Error DuplicateField(const std::string& path) {
  constexpr std::size_t kMaxShown = 200;
  return Invalid(
      fmt::format("duplicate field \"{}\"; remove one of them", path.substr(0, kMaxShown)));
}

std::string JsonBuilder::PathTo(const std::string& name) const {
  std::string path;
  for (const Frame& frame : frames_) {
    if (frame.value.is_array()) {
      path += fmt::format("[{}]", frame.value.size());
    } else {
      path += (path.empty() ? "" : ".") + frame.key.value_or(name);
    }
  }
  return path;
}

void JsonBuilder::Fail(std::string message) {
  if (!error_) error_ = Invalid(std::move(message));
}

void JsonBuilder::Start(nlohmann::json container) {
  if (failed()) return;
  if (frames_.size() >= kMaxDepth) {
    Fail(fmt::format("nested deeper than {} levels", kMaxDepth));
    return;
  }
  frames_.push_back({std::move(container), std::nullopt});
}

void JsonBuilder::End() {
  if (failed() || frames_.empty()) return;
  nlohmann::json done = std::move(frames_.back().value);
  frames_.pop_back();
  Add(std::move(done));
}

void JsonBuilder::Key(std::string name) {
  if (failed() || frames_.empty()) return;
  if (frames_.back().value.contains(name)) {
    error_ = DuplicateField(PathTo(name));
    return;
  }
  frames_.back().key = std::move(name);
}

void JsonBuilder::Value(nlohmann::json value) {
  if (!failed()) Add(std::move(value));
}

void JsonBuilder::Add(nlohmann::json value) {
  if (++values_ > kMaxValues) {
    Fail(fmt::format("holds more than {} values", kMaxValues));
    return;
  }
  if (frames_.empty()) {
    root_ = std::move(value);
    return;
  }
  Frame& frame = frames_.back();
  if (frame.value.is_array()) {
    frame.value.push_back(std::move(value));
  } else if (frame.key) {
    frame.value[*std::exchange(frame.key, std::nullopt)] = std::move(value);
  }
}

Result<nlohmann::json> JsonBuilder::Take() {
  if (error_) return *error_;
  return std::move(root_);
}

}  // namespace stoker::api
