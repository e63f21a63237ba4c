#pragma once

// One loop's part of a run: its own connections, workers and counters.
//
//   Feeder: takes batches, probes the targets, hands out what is missing
//   Carrier: writes the entries that brought their value, which need no request
//   Worker (one per request that may be in flight): place, entry, token, fetch, write
//   Writer's acknowledgements: finish the entry, or put its value up for another try or a higher tier
//   Verifier: reads samples of finished batches back
//
// An entry is finished exactly once: skipped, warmed or failed; when the last one of a batch is,
// the batch goes to the ledger. When the run stops, what is not finished is simply left.
//
// Thread safety: everything on the own loop, but counters() and the Wakes, which any thread may
// call.
// Shutdown: Abort() cancels connections and wakes all; Main() ends when everybody has left. A drain
// only wakes all: workers leave between two entries, the Writer when the last value is settled.

#include <asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/warming/pace/backoff.h"
#include "controller/warming/run/async_event.h"
#include "controller/warming/run/batch.h"
#include "controller/warming/run/context.h"
#include "controller/warming/run/parts.h"
#include "controller/warming/run/pending_write.h"
#include "controller/warming/run/tiers.h"
#include "controller/warming/run/turnstile.h"

namespace stoker::warming {

// Wrong password, out of memory, read-only: waiting does not mend it.
bool IsStanding(const TargetError& error);

class LoopRunner : public std::enable_shared_from_this<LoopRunner> {
 public:
  LoopRunner(RunContext& run, const RunParts& parts, asio::io_context& loop, int index);
  ~LoopRunner();

  asio::awaitable<void> Main();
  void Wake();          // there may be batches
  void WakeForPlace();  // another loop gave back a place that this one is short of
  void WakeToDrain();
  void Abort();  // the run stops
  [[nodiscard]] const LoopCounters& counters() const { return counters_; }
  [[nodiscard]] asio::io_context& loop() { return loop_; }

  // For the reader: a place among the requests in flight; false: the run stops. Its requests do not
  // care whether targets are down.
  asio::awaitable<bool> WaitForPlace();
  void GiveUpPlace();
  // Awaited just before a request goes out: takes what it needs and counts it. An error: the run
  // stops.
  asio::awaitable<Status> LeaveToSend(OriginPacer::Request& request);
  // The fetch that `request` was of is over.
  void RequestEnded(OriginPacer::Request& request, SteadyTime sent, const FetchResult& fetched);

 private:
  struct Work {
    Batch* batch = nullptr;
    std::uint32_t entry = 0;
    int tries = 0;     // failures so far
    int attempts = 0;  // of these, those that the entry answers for
    std::uint64_t successes_seen = 0;
    bool probed = false;  // its last request was a probe of an origin that only failed
  };
  struct Retry {
    SteadyTime due;
    Work work;
    bool operator<(const Retry& other) const { return due > other.due; }  // the earliest on top
  };

  // loop_runner.cc: the skeleton, the feeder
  void Spawn(asio::awaitable<void> task);
  asio::awaitable<void> Feeder();
  asio::awaitable<void> OpenTargets();
  asio::awaitable<void> Admit(BatchPtr batch);
  asio::awaitable<bool> Probe(Batch& batch, std::size_t target);
  asio::awaitable<bool> TargetFailed(std::size_t target, const TargetError& error, int tries);
  void Deliver(Batch& batch);
  [[nodiscard]] bool Drained() const { return feeder_done_ && active_.empty(); }
  // Nothing will come to be written any more.
  [[nodiscard]] bool Quiet() const {
    return Drained() || (!run_.TakesWork() && feeder_done_ && workers_ == 0);
  }
  void WakeAll();

  // loop_fetch.cc: the workers
  asio::awaitable<void> Worker();
  asio::awaitable<FetchResult> FetchOne(Question& question, Work& work);
  // Each leaves with an entry and a place for its request.
  bool TryNext(Work& work);
  asio::awaitable<bool> WaitNext(Work& work);
  [[nodiscard]] bool HasNext() const;
  Work TakeNext();
  void PlaceFree();
  // An entry approaches from when it may be asked for until its request is sent: it may be
  // dialling.
  std::optional<SteadyTime> AskToApproach();
  bool TryApproach();
  asio::awaitable<bool> WaitToApproach();
  void Approached();
  std::optional<SteadyTime> AskGates(SteadyTime now);
  std::optional<SteadyTime> AskToSend(OriginPacer::Request& request);
  asio::awaitable<bool> WaitForWritePlace();
  void WriteEnded();
  // When to look again, while a target is down; none: values may come.
  std::optional<SteadyTime> AskTargets(SteadyTime now);
  void Ask(const Work& work, Question& question) const;
  void FetchFailed(Work work, const FetchError& error);

  // loop_carry.cc: entries that carry their value
  asio::awaitable<void> Carrier();
  asio::awaitable<void> Carry(Batch& batch);
  [[nodiscard]] bool MayCarry() const;
  asio::awaitable<bool> WaitToCarry();

  // loop_store.cc: writing, finishing
  PendingWrite* ToWrite(const Work& work, Fetched fetched);
  // Without waiting; false: some target has no room, and nothing was done.
  bool TrySubmit(PendingWrite* write);
  // The targets are caches that it was fetched through: nothing is to be written.
  void WarmedThrough(const Work& work, const Fetched& fetched);
  asio::awaitable<void> Submit(PendingWrite* write);
  asio::awaitable<void> WaitToWrite(std::size_t target, std::size_t bytes);
  void Offer(PendingWrite* write, std::size_t target);
  void Acknowledged(PendingWrite* write, std::size_t target,
                    const tl::expected<WriteOutcome, TargetError>& result);
  void Settle(PendingWrite* write);
  void RetryLater(PendingWrite* write);
  PendingWrite* NextToWrite(SteadyTime now, SteadyTime& next);
  [[nodiscard]] std::uint8_t NextTargets(const PendingWrite& write) const;
  asio::awaitable<void> WriteRetrier();
  [[nodiscard]] Millis TtlOf(const Entry& entry, std::size_t target) const;
  // Each counts one entry; Finish() then takes it off its batch.
  void Warmed(PendingWrite& write);
  void Skipped(Batch& batch);
  void Failed(Batch& batch, std::uint32_t entry, std::string_view reason, std::string_view message);
  void Finish(Batch& batch);

  // loop_capacity.cc
  asio::awaitable<bool> WaitForRoom(std::size_t target, std::int64_t weight);
  asio::awaitable<void> MeasureTarget(std::size_t target, std::int64_t weight);
  void TargetIsFull(std::size_t target, const std::string& why);
  asio::awaitable<void> CapacityWatcher();

  // loop_verify.cc
  asio::awaitable<void> Verifier();
  enum class SampleState { kWarm, kCold, kUnread };
  asio::awaitable<void> Verify(const Batch& batch);
  asio::awaitable<bool> ReadBack(const Batch& batch, std::size_t target,
                                 const std::vector<std::size_t>& places,
                                 std::vector<SampleState>& states);
  [[nodiscard]] bool Sampled(std::uint64_t hash) const;

  RunContext& run_;
  const RunParts& parts_;
  asio::io_context& loop_;
  const int index_;
  LoopCounters counters_;
  Jitter jitter_;

  std::unique_ptr<Origin> origin_;
  std::vector<std::unique_ptr<Target>> targets_;
  const Tiers tiers_;
  int children_ = 0;
  int workers_ = 0;  // of these, the Carrier too
  AsyncEvent child_left_, batches_, work_, place_free_, write_place_free_, gate_, write_retry_,
      verify_, carry_, measured_;
  // Who is out already and asks again (a redirect) has a turn of its own: those who wait for its place
  // wait for it.
  Turnstile approach_, tokens_, further_;
  std::deque<Turnstile> write_turns_;  // one a target

  std::unordered_map<const Batch*, BatchPtr> active_;
  std::size_t batch_bytes_ = 0;  // of those, and of those to be verified
  std::deque<Batch*> ready_;     // handed out from the front
  std::uint32_t cursor_ = 0;     // in ready_.front()
  std::deque<Batch*> carried_;   // with entries that carry their value, in their order
  std::size_t ready_entries_ = 0;
  std::priority_queue<Retry> retries_;
  bool reader_waits_ = false;  // for a place: it goes first
  int approaching_ = 0;
  const int most_approaching_;
  bool feeder_done_ = false;

  PendingPool pending_;
  std::deque<PendingWrite*> write_retries_;
  std::deque<PendingWrite*> climbing_;  // the lower tiers hold them, the next one lacks them
  bool measuring_ = false;              // one measure of a target at a time; the others wait for it
  std::deque<BatchPtr> to_verify_;
};

}  // namespace stoker::warming
