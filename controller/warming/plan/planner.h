#pragma once

// Turns sources into batches: the same sources always into the same batches with the same numbers,
// so that a number in a checkpoint means the same entries on every host.
//
//   sources -> filters -> wanted keys -> shard -> duplicates out -> strategy -> batches of N
//
// A batch of very long keys ends early, at kMaxBatchText. Bulk streams. The other strategies read
// everything once and hand it out best first, perhaps only the best N (a duplicate counts by its
// first occurrence); the shard is then chosen after the selection, because the best N are those of
// the whole. Reading gives other tasks of the loop their turn, however long filters let nothing
// through. What is defective is no key, so it is no duplicate of one either. Where all sources are
// Keyset and streamed, a batch ends where a chunk ends, so that a position says exactly what it
// holds; a key that the run met before it was resumed is then met again, and skipped as present.
//
// Thread safety: one loop.

#include <memory>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/plan/key_set.h"
#include "controller/warming/plan/ranking.h"
#include "controller/warming/plan/selection.h"
#include "controller/warming/plan/shard.h"
#include "controller/warming/source/make_source.h"

namespace stoker::warming {

struct PlannerOptions {
  api::Strategy strategy;
  Shard shard;
  std::size_t batch_size = 1000;
  std::size_t columns = 0;
  std::int64_t most_keys = 0;          // beyond these, reading fails; 0: no bound
  std::shared_ptr<const KeySet> only;  // hashes of the keys that are wanted; null: all are
};

// Entries in a batch of this plan. A loop takes a batch at a time, so loops run apart by a few of
// them: where an origin is asked for entries in their order, batches are small, lest a deadline
// cuts what comes first. The same on every host.
std::size_t BatchSizeOf(const api::WarmingPolicySpec& policy, const Shard& shard);

class Planner {
 public:
  Planner(std::vector<FilteredSource> sources, const PlannerOptions& options);

  static constexpr std::size_t kMaxBatchText = 256 << 10;

  // Fills `batch` (cleared first); an empty batch means the end.
  asio::awaitable<Status> NextBatch(EntryChunk& batch);
  [[nodiscard]] Replay replay() const;
  // Keyset: where the sources stand after the last batch, and going on from there; null otherwise.
  [[nodiscard]] nlohmann::json Position() const;
  Status ResumeAt(const nlohmann::json& position);
  void Cancel();  // ends NextBatch() within a few chunks

 private:
  // Reads into `chunk`, which is cleared first; false: all sources have ended.
  asio::awaitable<Result<bool>> NextChunk(EntryChunk& chunk);
  // Straight into the batch, so that nothing is copied; false: all sources have ended.
  asio::awaitable<Result<bool>> ReadBatch(EntryChunk& batch);
  asio::awaitable<Status> Select();
  // Takes out of it what this run does not want, what is another shard's, and duplicates.
  void Keep(EntryChunk& batch);
  bool Wanted(const Entry& entry) const;
  bool Mine(const EntryChunk& chunk, const Entry& entry) const;
  bool IsFirst(const Entry& entry);

  std::vector<FilteredSource> sources_;
  Shard shard_;
  std::size_t batch_size_;
  std::size_t columns_;
  std::int64_t most_keys_;
  std::shared_ptr<const KeySet> only_;
  Ranking ranking_;
  bool by_md5_;  // a source shards itself, and the others go by the same hash
  bool whole_;   // the shard is chosen after the selection
  std::unique_ptr<Selection> selection_;
  bool selected_ = false;
  const bool distinct_;  // there are no duplicates to be found
  KeySet seen_;
  std::int64_t listed_ = 0;  // keys, duplicates apart
  bool keyset_ = false;
  bool cancelled_ = false;
  int chunks_ = 0;
  std::size_t source_ = 0;
  EntryChunk chunk_;            // read, and not yet in a batch from at_ on
  std::size_t usual_text_ = 0;  // of a batch
  std::size_t at_ = 0;
};

}  // namespace stoker::warming
