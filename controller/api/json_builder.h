#pragma once

// Builds one JSON document from the events of a parser, and refuses what would hurt: too deep, too
// large, the same member twice.
//
// The size of a document is counted in values; the YAML reader, which has aliases and merges
// besides, keeps to the same caps.
//
// Thread safety: none; one builder per document. A builder that has failed ignores what follows.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/result.h"

namespace stoker::api {

// What a reader says of a member that an object has already.
Error DuplicateField(const std::string& path);

class JsonBuilder {
 public:
  static constexpr std::size_t kMaxDepth = 64;
  static constexpr std::size_t kMaxValues = 200'000;

  void StartObject() { Start(nlohmann::json::object()); }
  void StartArray() { Start(nlohmann::json::array()); }
  void End();
  void Key(std::string name);
  void Value(nlohmann::json value);
  void Fail(std::string message);

  [[nodiscard]] bool failed() const { return error_.has_value(); }
  // The document; null where nothing came.
  Result<nlohmann::json> Take();

 private:
  struct Frame {
    nlohmann::json value;
    std::optional<std::string> key;
  };
  [[nodiscard]] std::string PathTo(const std::string& name) const;
  void Start(nlohmann::json container);
  void Add(nlohmann::json value);

  std::vector<Frame> frames_;
  nlohmann::json root_;
  std::size_t values_ = 0;
  std::optional<Error> error_;
};

}  // namespace stoker::api
