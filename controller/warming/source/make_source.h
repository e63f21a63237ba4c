#pragma once

// From a policy's source to a stream of its entries: made, filtered, weighted, limited, numbered.
//
// Thread safety: pure; the sources each belong to one loop.

#include <re2/re2.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/source/source.h"

namespace stoker::warming {

// The names that URL templates may use for entries of this source; `key` comes first.
std::vector<std::string> VariablesOf(const api::Source& source);

// What else templates may use is known only when it is read: the columns of a query.
bool HasOpenVariables(const api::Source& source);
// Its entries bring their value: no origin is asked for them.
bool CarriesValues(const api::Source& source);
// Nothing need be fetched or dialled to read it.
bool IsLocal(const api::Source& source);

// The stream itself, before filters. Where IsLocal(), a LocalSource, and `host` may be empty; else
// kInvalid without what the source needs of it.
Result<std::unique_ptr<Source>> MakeSource(const api::Source& spec,
                                           const std::vector<std::string>& columns,
                                           const Materials& materials, const SourceHost& host);

// Applies what every source has: include, exclude, limit, weight; marks keys that are too long or
// do not match keyPattern; and writes the source's number into its entries.
class FilteredSource {
 public:
  FilteredSource(const api::Source& spec, std::uint16_t number, std::unique_ptr<Source> source);
  // Replaces the contents of `chunk`. False: that was the end.
  asio::awaitable<Result<bool>> Next(EntryChunk& chunk);
  // What Next() does to the chunk it read; false: the limit is reached.
  bool Filter(EntryChunk& chunk);
  [[nodiscard]] Replay replay() const { return source_->replay(); }
  [[nodiscard]] bool Distinct() const { return source_->Distinct(); }
  // Keyset: where it stands between two Next(), and going on from there.
  [[nodiscard]] nlohmann::json Position() const;
  Status ResumeAt(const nlohmann::json& position);
  void Cancel() { source_->Cancel(); }
  [[nodiscard]] bool sharded() const { return source_->Sharded(); }

 private:
  [[nodiscard]] bool Wanted(std::string_view key) const;

  std::string name_;
  std::uint16_t number_;
  double weight_;
  std::int64_t left_;
  std::vector<std::string> include_, exclude_;
  std::unique_ptr<RE2> key_pattern_;  // null: every key will do
  std::unique_ptr<Source> source_;
};

}  // namespace stoker::warming
