#pragma once

// Where entries come from, as a stream: a source never holds its whole set.
//
// Next() appends a chunk of entries and says whether more may follow. A source says how it may be
// read again: a Replayable one yields the same entries in the same order, so a checkpoint can count
// batches; an Unstable one starts over and leans on the probe.
//
// Thread safety: one loop. Cancellation: what Next() waits for ends when its SourceFetcher is
// cancelled.

#include <asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/warming/origin/http_client.h"
#include "controller/warming/source/entry_chunk.h"

namespace stoker::warming {

enum class Replay { kReplayable, kUnstable };

class Source {
 public:
  virtual ~Source() = default;
  // Appends up to about kChunkEntries entries; false: that was the end. Errors name what failed.
  virtual asio::awaitable<Result<bool>> Next(EntryChunk& chunk) = 0;
  [[nodiscard]] virtual Replay replay() const = 0;
};

inline constexpr std::size_t kChunkEntries = 512;

// A URL as sentences may show it: without its query, which may hold a token.
[[nodiscard]] inline std::string WithoutQuery(std::string_view url) {
  return std::string(url.substr(0, url.find('?')));
}

// A source that has all it needs at hand and never waits.
class LocalSource : public Source {
 public:
  virtual Result<bool> Pull(EntryChunk& chunk) = 0;
  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override { co_return Pull(chunk); }
  [[nodiscard]] Replay replay() const override { return Replay::kReplayable; }
  // How many entries Pull() will yield before any filter, where that is known without counting.
  [[nodiscard]] virtual std::optional<std::int64_t> Count() const { return std::nullopt; }
};

// Gets a document for a source: paced, retried with back-off and guarded by whoever implements it.
class SourceFetcher {
 public:
  virtual ~SourceFetcher() = default;
  // The body comes in pieces to `sink` (false: enough, an error); `restart` is called before every
  // attempt, so that a body cut short is forgotten. The error's message names the URL (without its
  // query) and the reason.
  virtual asio::awaitable<Status> Download(const std::string& url, std::size_t max_bytes,
                                           std::function<void()> restart, BodySink sink) = 0;
};

}  // namespace stoker::warming
