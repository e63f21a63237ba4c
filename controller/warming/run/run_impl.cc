#include "controller/warming/run/run_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <future>

namespace stoker::warming {
namespace {

constexpr Millis kTick{50};
constexpr Millis kLongestCancel{1000};
constexpr Millis kLongestEnd{10'000};  // of what was in flight at an emergency stop

LoopPool& PoolOf(const RunParts& parts) {
  return parts.pool != nullptr ? *parts.pool : LoopPool::Shared();
}

}  // namespace

RunImpl::RunImpl(RunSpec spec, RunOptions options, RunParts parts, std::vector<std::string> columns)
    : parts_(std::move(parts)),
      pool_(PoolOf(parts_)),
      context_(std::move(spec), std::move(options), std::move(columns), pool_.size(),
               parts_.outage_backoff),
      keeper_(std::make_shared<AsyncEvent>(pool_.Loop(0))) {
  for (int i = 0; i < context_.loops; ++i) {
    runners_.push_back(std::make_shared<LoopRunner>(context_, parts_, pool_.Loop(i), i));
  }
  reader_ = std::make_shared<Reader>(context_, parts_, runners_.front());
  context_.queue.on_more = [this] {
    for (const auto& runner : runners_) runner->Wake();
  };
  context_.queue.on_room = [this] { reader_->Wake(); };
  context_.on_stop = [this] { AbortLoops(); };
  context_.on_place_free = [this](int loop) {
    runners_[static_cast<std::size_t>(loop)]->WakeForPlace();
  };
}

RunImpl::~RunImpl() {
  if (!running_) return;
  Cancel("the run was given up");
  Wait();
}

Status RunImpl::Prepare(const Materials& materials) {
  const auto& policy = context_.spec.policy;
  // The best N are those of the whole, so every shard must see all entries.
  const Shard shard = policy.strategy.top ? Shard{} : context_.spec.shard;
  const SourceHost host{reader_.get(), &runners_.front()->loop(),   parts_.egress,
                        policy.retry,  policy.execution.deadline,   shard.index,
                        shard.count,   context_.options.local_files};
  std::vector<FilteredSource> sources;
  for (std::size_t i = 0; i < policy.sources.size(); ++i) {
    auto source = MakeSource(policy.sources[i], context_.columns, materials, host);
    if (!source) return Nest(fmt::format("spec.sources[{}]", i), source.error());
    sources.emplace_back(policy.sources[i], static_cast<std::uint16_t>(i), std::move(*source));
  }
  auto planner = std::make_unique<Planner>(
      std::move(sources),
      PlannerOptions{policy.strategy, context_.spec.shard, BatchSizeOf(policy, context_.spec.shard),
                     context_.columns.size(), context_.options.most_keys, context_.options.only});
  const bool keyset = planner->replay() == Replay::kKeyset;
  if (keyset) context_.ledger.KeepCursors();
  if (context_.options.resume) {
    STOKER_CHECK(context_.ledger.Resume(context_.options.resume->data));
    const bool goes_on = planner->replay() == Replay::kReplayable ||
                         (keyset && context_.ledger.Cursor() != nullptr &&
                          planner->ResumeAt(context_.ledger.Cursor()));
    how_resumed_ = HowToResume(goes_on);
    if (!goes_on) context_.ledger.StartOver();
    resumed_ = context_.ledger.Done();
    std::tie(resumed_verified_, resumed_verify_failed_) = context_.ledger.Verified();
    context_.failures.Merge(resumed_.failures);
    context_.discovered = resumed_.warmed + resumed_.skipped + resumed_.failed;
  }
  reader_->SetPlanner(std::move(planner));
  return {};
}

Resumed RunImpl::HowToResume(bool goes_on) const {
  if (goes_on) return Resumed::kGoesOn;
  const bool overwrites = std::ranges::any_of(context_.spec.policy.targets, [](const auto& target) {
    return target.write.mode == api::Write::Mode::kOverwrite;
  });
  return overwrites ? Resumed::kStartsOver : Resumed::kSkipsWarm;
}

void RunImpl::Start() {
  started_ = context_.Now();
  running_ = true;
  tasks_ = 1;  // this function, so that early leavers do not end the run
  for (const auto& runner : runners_) Spawn(runner->loop(), runner->Main());
  Spawn(runners_.front()->loop(), reader_->Main());
  Spawn(runners_.front()->loop(), Keeper());
  TaskLeft();
}

void RunImpl::Spawn(asio::io_context& loop, asio::awaitable<void> task) {
  ++tasks_;
  asio::co_spawn(loop, std::move(task), [this](const std::exception_ptr& error) {
    if (error) context_.StopOn(error);
    TaskLeft();
  });
}

void RunImpl::TaskLeft() {
  // Once counted out, another task may be the last one, and the run be gone.
  auto& keepers_loop = pool_.Loop(0);
  auto keeper = keeper_;
  const int left = --tasks_;
  if (left == 0) {
    Finalize();
  } else if (left == 1) {  // the Keeper alone
    asio::post(keepers_loop, [keeper = std::move(keeper)] { keeper->NotifyAll(); });
  }
}

void RunImpl::AbortLoops() {
  for (const auto& runner : runners_) asio::post(runner->loop(), [runner] { runner->Abort(); });
  asio::post(runners_.front()->loop(), [reader = reader_] { reader->Abort(); });
}

bool RunImpl::OnOneOfTheLoops() const {
  return std::any_of(runners_.begin(), runners_.end(), [](const auto& runner) {
    return runner->loop().get_executor().running_in_this_thread();
  });
}

void RunImpl::Cancel(std::string reason) {
  context_.Stop(StopKind::kCancelled, "Cancelled", std::move(reason));
  if (!running_ || Done() || OnOneOfTheLoops()) return;
  // A loop that looked before the stop may be about to send: once it has passed this post, it is
  // not. A loop that is held up for longer than this does not hold up who cancels.
  struct Passing {
    std::atomic<std::size_t> left;
    std::promise<void> all;
  };
  auto passing = std::make_shared<Passing>();
  passing->left = runners_.size();
  for (const auto& runner : runners_) {
    asio::post(runner->loop(), [passing] {
      if (--passing->left == 0) passing->all.set_value();
    });
  }
  passing->all.get_future().wait_for(kLongestCancel);
}

void RunImpl::Drain(Millis grace, std::string reason) {
  DrainUntil(context_.Now() + grace, {StopKind::kCancelled, "Cancelled", std::move(reason)});
}

void RunImpl::DrainUntil(SteadyTime until, StopCause left) {
  context_.Drain(until, std::move(left));
  for (const auto& runner : runners_) runner->WakeToDrain();
  asio::post(runners_.front()->loop(), [reader = reader_] { reader->Abort(); });
}

void RunImpl::Pause(bool paused) { context_.paused = paused; }

bool RunImpl::Done() const {
  const std::lock_guard lock(end_->mutex);
  return end_->done;
}

Report RunImpl::Wait() {
  std::unique_lock lock(end_->mutex);
  end_->ended.wait(lock, [&] { return end_->done; });
  return end_->report;
}

// Ticks until it is the last task: deadline, lease, checkpoints, the rate.
asio::awaitable<void> RunImpl::Keeper() {
  SteadyTime last = context_.Now();
  SteadyTime next_checkpoint = last + context_.options.checkpoint_every;
  SteadyTime deadline = last + context_.spec.policy.execution.deadline;
  while (tasks_ > 1) {
    co_await keeper_->Wait(std::chrono::steady_clock::now() + kTick);
    const SteadyTime now = context_.Now();
    if (context_.Paused() || context_.pacer.AwaitsPerson()) deadline += now - last;
    last = now;
    context_.pacer.Tick(now);
    if (const auto memory = context_.options.memory ? context_.options.memory() : std::nullopt)
      context_.pacer.Look(*memory);
    HeedEmergencyStop(now);
    SampleRate(now);
    context_.MayAct();
    context_.EndDrainAt(now);
    if (now >= deadline) {
      context_.Stop(StopKind::kDeadline, "DeadlineExceeded",
                    fmt::format("the deadline of {} passed",
                                FormatDuration(context_.spec.policy.execution.deadline)));
    }
    if (now >= next_checkpoint && !context_.Stopped()) {
      next_checkpoint = now + context_.options.checkpoint_every;
      WriteCheckpoint();
    }
  }
}

// What is in flight may end.
void RunImpl::HeedEmergencyStop(SteadyTime now) {
  if (!context_.options.manual_stop_ends || !context_.pacer.AwaitsPerson()) return;
  if (!context_.TakesWork()) return;
  const auto stop = context_.pacer.Now(now).stop;
  if (!stop) return;
  DrainUntil(now + kLongestEnd,
             {StopKind::kFatal, "EmergencyStopped",
              fmt::format("{}, so the origin is left alone; once it is well, run this again: what "
                          "is warm already is skipped",
                          stop->message)});
}

void RunImpl::WriteCheckpoint() {
  if (!context_.options.on_checkpoint) return;
  const std::lock_guard lock(context_.callbacks);
  context_.options.on_checkpoint(Checkpoint{context_.ledger.Encode()});
}

void RunImpl::Finalize() {
  context_.queue.Drop();
  context_.pacer.Leave();
  if (context_.Cause().kind != StopKind::kLostLease) WriteCheckpoint();
  Report report;
  report.progress = Snapshot();
  report.progress.phase = Progress::Phase::kDone;
  report.progress.eta.reset();
  StopCause cause = context_.Cause();
  const bool complete = report.progress.enumerated && report.progress.tally.left == 0;
  if (cause.kind == StopKind::kNone && !complete) cause = context_.DrainCause();
  // Of entries that nobody has counted yet, nobody can say that enough are warm.
  if (cause.kind == StopKind::kCapacity && !report.progress.enumerated) {
    cause.kind = StopKind::kFatal;
  }
  const Expected expected{context_.spec.policy.min_warmed_percent, context_.spec.shard.count > 1};
  Judgement judgement =
      Judge(cause, report.progress.tally, report.progress.failures, expected, Outage());
  report.result = judgement.result;
  report.reason = std::move(judgement.reason);
  report.cause = std::move(judgement.cause);
  report.message = std::move(judgement.message);
  report.duration = std::chrono::duration_cast<Millis>(context_.Now() - started_.load());
  auto expiry = resumed_.first_expiry_us;
  for (const auto& runner : runners_)
    expiry = std::min(expiry, runner->counters().first_expiry_us.load());
  if (expiry != kNeverUs) report.first_expiry = WallTime(std::chrono::microseconds(expiry));
  const auto end = end_;
  const std::lock_guard lock(end->mutex);
  end->report = std::move(report);
  end->done = true;
  end->ended.notify_all();
}

}  // namespace stoker::warming
