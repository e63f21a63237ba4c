#pragma once

// From a policy's source to a stream of its entries: made, filtered, weighted, limited, numbered.
//
// Thread safety: pure; the sources each belong to one loop.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/run/run.h"
#include "controller/warming/source/source.h"

namespace stoker::warming {

// The names that URL templates may use for entries of this source; `key` comes first.
std::vector<std::string> VariablesOf(const api::Source& source);

// The stream itself, before filters. `fetcher` may be null where only local sources are wanted
// (then an HTTP source is kInvalid); it outlives the source.
Result<std::unique_ptr<Source>> MakeSource(const api::Source& spec,
                                           const std::vector<std::string>& columns,
                                           const Materials& materials, SourceFetcher* fetcher);

// Applies what every source has: include, exclude, limit, weight; marks keys that are too long; and
// writes the source's number into its entries.
class FilteredSource {
 public:
  FilteredSource(const api::Source& spec, std::uint16_t number, std::unique_ptr<Source> source);
  // Replaces the contents of `chunk`. False: that was the end.
  asio::awaitable<Result<bool>> Next(EntryChunk& chunk);
  // What Next() does to the chunk it read; false: the limit is reached.
  bool Filter(EntryChunk& chunk);
  [[nodiscard]] Replay replay() const { return source_->replay(); }

 private:
  [[nodiscard]] bool Wanted(std::string_view key) const;

  std::string name_;
  std::uint16_t number_;
  double weight_;
  std::int64_t left_;
  std::vector<std::string> include_, exclude_;
  std::unique_ptr<Source> source_;
};

}  // namespace stoker::warming
