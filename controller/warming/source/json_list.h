#pragma once

// Lists in JSON: one page of a document, taken apart into entries, and where the next page is.
//
// Thread safety: pure; const after Make.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/result.h"
#include "controller/warming/source/entry_chunk.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

inline constexpr std::size_t kMaxJsonPage = 8 << 20;  // uncompressed

class JsonList {
 public:
  static Result<JsonList> Make(const api::HttpSource& spec,
                               const std::vector<std::string>& columns);

  struct Page {
    nlohmann::json items = nlohmann::json::array();
    std::string cursor;  // empty: this is the last page
  };
  // Takes the body as it came (gzip or not).
  [[nodiscard]] Result<Page> Parse(std::string body) const;
  // Appends the item's entry; one that has expired is left out.
  void Append(const nlohmann::json& item, EntryChunk& chunk) const;

 private:
  using Pointer = nlohmann::json::json_pointer;

  Pointer items_;
  std::optional<Pointer> cursor_, score_, ttl_, value_;
  Template key_;
  std::vector<Pointer> key_fields_, column_fields_;
  std::size_t empty_columns_ = 0;  // of URLs, where entries carry their value
};

// The target of rel="next" in a Link header (RFC 8288); empty: there is none.
std::string NextLink(std::string_view header);
// `url` with the parameter set: another value of it is replaced.
std::string WithParameter(std::string_view url, std::string_view name, std::string_view value);

}  // namespace stoker::warming
