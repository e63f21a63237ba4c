#pragma once

// Where entries come from, as a stream: a source never holds its whole set.
//
// Next() appends a chunk of entries and says whether more may follow. A source says how it may be
// read again: a Replayable one yields the same entries in the same order, so a checkpoint can count
// batches; a Keyset one goes on after the last entry of the checkpoint, wherever that is now; an
// Unstable one starts over and leans on the probe.
//
// Thread safety: one loop. Cancellation: what Next() waits for ends when its SourceFetcher is
// cancelled, or by Cancel().

#include <asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/result.h"
#include "controller/warming/origin/http_client.h"
#include "controller/warming/source/entry_chunk.h"

namespace stoker::warming {

enum class Replay { kReplayable, kKeyset, kUnstable };

class Source {
 public:
  virtual ~Source() = default;
  // Appends up to about kChunkEntries entries; false: that was the end. Errors name what failed.
  virtual asio::awaitable<Result<bool>> Next(EntryChunk& chunk) = 0;
  [[nodiscard]] virtual Replay replay() const = 0;
  // Whether it is known never to yield a key twice, so that nobody need remember its keys.
  [[nodiscard]] virtual bool Distinct() const { return false; }
  // Keyset: small JSON that says what was yielded, and going on after it, before the first Next().
  [[nodiscard]] virtual nlohmann::json Position() const { return nullptr; }
  virtual Status ResumeAt(const nlohmann::json&) { return {}; }
  // It yields the entries of this host's shard alone, which it tells by Md5Head() of their keys.
  [[nodiscard]] virtual bool Sharded() const { return false; }
  // Ends what Next() waits for, now; later calls fail.
  virtual void Cancel() {}
};

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
  // query) and the reason. `link`, where it is wanted, gets the answer's Link header.
  virtual asio::awaitable<Status> Download(const std::string& url, std::size_t max_bytes,
                                           std::function<void()> restart, BodySink sink,
                                           std::string* link = nullptr) = 0;
};

// What sources use of the run that reads them. What is null is not to be had here.
struct SourceHost {
  SourceFetcher* fetcher = nullptr;           // outlives the source
  asio::io_context* loop = nullptr;           // the loop that reads
  std::shared_ptr<const EgressGuard> egress;  // judges what a source dials itself
  api::Retry retry;
  Millis deadline{0};         // of the whole run
  int shard = 0, shards = 1;  // the host's, for sources that can keep to it
  bool local_files = false;   // whoever wrote the policy may read this machine's files
};

}  // namespace stoker::warming
