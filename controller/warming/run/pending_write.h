#pragma once

// Values on their way into the targets: kept until every target has answered, in case one must be
// asked again.
//
// The objects are pooled, because there is one for every entry; how many and how many bytes are out
// is bounded by whoever asks Full() before fetching more.
//
// Thread safety: one loop. Lifetime: the pool outlives its writes.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/warming/origin/origin.h"
#include "controller/warming/run/batch.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

class LoopRunner;

struct PendingWrite {
  // What an acknowledgement carries: small enough for std::function to hold without allocating.
  struct Slot {
    LoopRunner* runner;
    PendingWrite* write;
    std::size_t target;
  };
  // What every write looks at comes first: thousands are out, and each line of memory is missed.
  Batch* batch = nullptr;
  std::string_view value;  // `owned`, or one that lies in the batch
  std::uint32_t entry = 0;
  int outstanding = 0;       // answers that have not come
  int tries = 0;             // rounds that failed
  int attempts = 0;          // of these, those that the entry answers for
  std::uint8_t written = 0;  // targets that took our value
  std::uint8_t refused = 0;  // targets that refused this entry for good
  std::uint8_t offered = 0;  // targets that were offered it
  bool fetched = false;      // from the origin: it has one of the run's write places
  bool counted = false;      // this round counts as an attempt
  bool failed = false;       // one of this round's did not take it
  bool aborted = false;      // the run stops
  std::array<Slot, kMaxTargets> slots{};
  std::array<std::uint64_t, kMaxTargets> successes_seen{};
  std::string owned;      // a value that was fetched
  ByteBudget::Hold hold;  // of `owned`
  SteadyTime due;
  std::string reason, message;  // of the last failure
};

class PendingPool {
 public:
  static constexpr std::size_t kMaxWrites = 2048;
  static constexpr std::size_t kMaxBytes = 32 << 20;

  // `most_bytes`: no more than kMaxBytes; one write may exceed it.
  explicit PendingPool(std::int64_t most_bytes)
      : most_bytes_(std::min(kMaxBytes, static_cast<std::size_t>(most_bytes))) {}

  [[nodiscard]] bool Full() const { return out_ >= kMaxWrites || bytes_ >= most_bytes_; }
  [[nodiscard]] bool Idle() const { return out_ == 0; }
  PendingWrite* TakeFetched(Batch* batch, std::uint32_t entry, Fetched fetched) {
    PendingWrite* write = Take(batch, entry);
    write->owned = std::move(fetched.body);
    write->hold = std::move(fetched.hold);
    write->value = write->owned;
    write->fetched = true;
    bytes_ += write->value.size();
    return write;
  }
  // For a value that lies in the batch, which outlives the write.
  PendingWrite* TakeCarried(Batch* batch, std::uint32_t entry, std::string_view value) {
    PendingWrite* write = Take(batch, entry);
    write->value = value;
    bytes_ += value.size();
    return write;
  }
  void Return(PendingWrite* write) {
    --out_;
    bytes_ -= write->value.size();
    if (write->fetched) {
      write->owned = {};
      write->hold.Release();
    }
    write->value = {};
    free_.push_back(write);
  }

 private:
  PendingWrite* Take(Batch* batch, std::uint32_t entry) {
    if (free_.empty()) {
      all_.push_back(std::make_unique<PendingWrite>());
      free_.push_back(all_.back().get());
    }
    PendingWrite* write = free_.back();
    free_.pop_back();
    write->batch = batch;
    write->entry = entry;
    write->tries = write->attempts = 0;
    write->written = write->refused = write->offered = 0;
    write->fetched = false;
    write->aborted = false;
    ++out_;
    return write;
  }

  const std::size_t most_bytes_;
  std::vector<std::unique_ptr<PendingWrite>> all_;
  std::vector<PendingWrite*> free_;
  std::size_t out_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace stoker::warming
