#pragma once

// The life of one run: starts the loops, keeps its clock, stops it, and says what came of it.
//
// Tasks (one Main per loop, the Reader, the Keeper) are counted; the last one to leave writes the
// report. Nothing of the run is on any loop after that.
//
// Thread safety: as Run says. Shutdown: the destructor cancels and waits.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "controller/warming/run/context.h"
#include "controller/warming/run/loop_runner.h"
#include "controller/warming/run/parts.h"
#include "controller/warming/run/reader.h"

namespace stoker::warming {

class RunImpl final : public Run {
 public:
  RunImpl(RunSpec spec, RunOptions options, RunParts parts, std::vector<std::string> columns);
  ~RunImpl() override;

  // Makes the planner; the sources come from `materials`. Resumes from the options' checkpoint.
  Status Prepare(const Materials& materials);

  void Start() override;
  void Cancel(std::string reason) override;
  void Drain(Millis grace, std::string reason) override;
  void Pause(bool paused) override;
  [[nodiscard]] Progress Snapshot() const override;
  [[nodiscard]] bool Done() const override;
  Report Wait() override;

 private:
  void DrainUntil(SteadyTime until, StopCause left);
  void HeedEmergencyStop(SteadyTime now);
  void DescribePace(Progress& progress) const;
  void Spawn(asio::io_context& loop, asio::awaitable<void> task);
  void TaskLeft();
  void AbortLoops();
  bool OnOneOfTheLoops() const;
  asio::awaitable<void> Keeper();
  void SampleRate(SteadyTime now);
  void WriteCheckpoint();
  [[nodiscard]] Resumed HowToResume(bool goes_on) const;
  void CountTally(Tally& tally, std::vector<TargetTally>& targets) const;
  void DescribeOrigin(Progress& progress) const;
  [[nodiscard]] std::optional<Waiting> Outage() const;  // what is down now
  [[nodiscard]] double PerSecond(std::int64_t finished) const;
  void Finalize();

  RunParts parts_;
  LoopPool& pool_;
  RunContext context_;
  std::vector<std::shared_ptr<LoopRunner>> runners_;
  std::shared_ptr<Reader> reader_;
  std::shared_ptr<AsyncEvent> keeper_;
  Resumed how_resumed_ = Resumed::kNot;  // constant once started, as the next two
  Outcome resumed_;                      // what the checkpoint brought
  std::int64_t resumed_verified_ = 0, resumed_verify_failed_ = 0;

  std::atomic<int> tasks_{0};
  std::atomic<SteadyTime> started_{SteadyTime{}};
  std::atomic<bool> running_{false};
  // Shared, because the last task still lets go of it when Wait() has returned and the run is gone.
  struct End {
    std::mutex mutex;
    std::condition_variable ended;
    bool done = false;  // protected by mutex, as the report
    Report report;
  };
  std::shared_ptr<End> end_ = std::make_shared<End>();
  struct RateSample {
    SteadyTime at;
    std::int64_t finished;
  };
  mutable std::mutex mutex_;
  std::deque<RateSample> rate_;  // one a second; protected by mutex_
};

}  // namespace stoker::warming
