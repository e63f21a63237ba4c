#include "controller/reconcile/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>
#include <vector>

#include "controller/base/log.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_decision.h"
#include "controller/reconcile/resolved_materials.h"

namespace stoker::reconcile {
namespace {

constexpr Millis kTick{100};
constexpr Millis kRetryWrite{1000};
// What is in flight may finish for as long: the next leader should act within three seconds.
constexpr Millis kHandOverGrace{1500};
// The same where nobody waits for it.
constexpr Millis kUnhurriedGrace{10'000};

// No further try would go better.
bool RefusedForGood(const Error& error) {
  return error.code == Code::kInvalid || error.code == Code::kPermission ||
         error.code == Code::kExpired;
}

}  // namespace

// One run and the thread that looks after it.
class Executor::Hosted {
 public:
  Hosted(Assignment assignment, std::function<void(const std::string&)> changed)
      : job_key(assignment.job_key),
        policy_key(assignment.policy_key),
        policy_uid(assignment.policy_uid),
        ledger_(std::move(assignment.ledger)),
        changed_(std::move(changed)) {}

  ~Hosted() {
    Cancel("its host ends", false);
    Join();
  }

  Status Start(Assignment& assignment, const ExecutorOptions& options) {
    warming::RunOptions run_options;
    run_options.loops = options.loops;
    if (options.egress) run_options.egress = options.egress();
    run_options.budgets = options.budgets;
    run_options.budget_scope = SplitKey(job_key).first;
    run_options.may_act = [this, may_act = options.may_act] {
      return !deposed_.load(std::memory_order_relaxed) && (!may_act || may_act());
    };
    run_options.value_bytes = kInProcessValueBytes;
    run_options.most_keys = kInProcessMostKeys;
    run_options.resume = std::move(assignment.resume);
    run_options.checkpoint_every = options.checkpoint_every;
    run_options.on_checkpoint = [this](const warming::Checkpoint& checkpoint) {
      const std::lock_guard lock(mutex_);
      pending_ = checkpoint;
      wake_.notify_all();
    };
    auto materials = std::make_shared<ResolvedMaterials>(std::move(assignment.materials));
    auto run = warming::Run::Create(std::move(assignment.spec), materials, std::move(run_options));
    if (!run) return run.error();
    run_ = std::move(*run);
    run_->Start();
    thread_ = std::thread([this] { Supervise(); });
    return {};
  }

  void Cancel(const std::string& reason, bool hand_over, Millis grace = kHandOverGrace) {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      hand_over_ = hand_over_ || hand_over;
      wake_.notify_all();
    }
    if (!run_) return;
    if (hand_over) {
      run_->Drain(grace, reason);
    } else {
      run_->Cancel(reason);
    }
  }

  void HandOver(const std::string& reason) {
    paused_ = true;
    Cancel(reason, true, kUnhurriedGrace);
  }
  void Pause(bool paused) {
    paused_ = paused;
    run_->Pause(paused);
  }
  void Join() {
    const std::lock_guard lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] bool Ended() const { return ended_; }
  [[nodiscard]] bool Abandoned() const { return abandoned_; }
  [[nodiscard]] bool Paused() const { return paused_; }
  [[nodiscard]] warming::Progress Progress() const { return run_->Snapshot(); }
  [[nodiscard]] std::optional<warming::Report> Report() const {
    const std::lock_guard lock(mutex_);
    return report_;
  }

  const std::string job_key;
  const std::string policy_key;
  const std::string policy_uid;

 private:
  void Supervise() {
    while (!run_->Done()) {
      std::optional<warming::Checkpoint> checkpoint = Await();
      if (checkpoint && !deposed_) Save(*checkpoint);
    }
    Conclude(run_->Wait());
    ended_ = true;
    changed_(job_key);
  }

  std::optional<warming::Checkpoint> Await() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kTick, [this] { return pending_.has_value(); });
    return std::exchange(pending_, std::nullopt);
  }

  void Save(const warming::Checkpoint& checkpoint) {
    const Status saved = ledger_->Save(checkpoint);
    if (!saved) Judge(saved.error(), "checkpoint not written");
  }

  // A conflict or a refusal of our own client means that we lead no longer: never try again.
  void Judge(const Error& error, const char* what) {
    LogWarn(what, {{"run", job_key}, {"error", error.message}});
    if (error.code == Code::kConflict || error.code == Code::kCancelled) {
      deposed_ = true;
      run_->Cancel("another leader took the run up");
    }
  }

  void Conclude(warming::Report report) {
    bool cancelled, hand_over;
    std::optional<warming::Checkpoint> last;
    {
      const std::lock_guard lock(mutex_);
      cancelled = cancelled_;
      hand_over = hand_over_;
      last = std::exchange(pending_, std::nullopt);
    }
    const bool over = report.result != warming::Report::Result::kCancelled;
    if (over && !deposed_) {
      KeepReport(report);
    } else if (hand_over && !deposed_) {
      if (last) Save(*last);
      if (!deposed_) (void)ledger_->Release();
    }
    abandoned_ = !over && (deposed_ || hand_over || !cancelled);
    const std::lock_guard lock(mutex_);
    if (!abandoned_) report_ = std::move(report);
  }

  // The result must be safe before the Job says that it ended; it is small and worth waiting for -
  // but not for ever: what the server refuses as it stands, it refuses again.
  void KeepReport(const warming::Report& report) {
    while (!deposed_) {
      const Status kept = ledger_->Finish(report);
      if (kept || kept.error().code == Code::kNotFound) return;
      Judge(kept.error(), "report not written");
      if (RefusedForGood(kept.error())) return;
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, kRetryWrite, [this] { return cancelled_; })) return;
    }
  }

  std::unique_ptr<RunLedger> ledger_;
  const std::function<void(const std::string&)> changed_;
  std::unique_ptr<warming::Run> run_;  // constant after Start
  std::atomic<bool> deposed_{false};
  std::atomic<bool> ended_{false};
  std::atomic<bool> abandoned_{
      false};  // ended without a result of its own: another attempt goes on
  std::atomic<bool> paused_{false};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<warming::Checkpoint> pending_;  // protected by mutex_
  std::optional<warming::Report> report_;       // protected by mutex_
  bool cancelled_ = false;                      // protected by mutex_
  bool hand_over_ = false;                      // protected by mutex_
  std::mutex join_mutex_;
  std::thread thread_;
};

Executor::Executor(ExecutorOptions options, std::function<void(const std::string&)> changed)
    : options_(std::move(options)), changed_(std::move(changed)), line_(options_.max_runs) {}

Executor::~Executor() { Stop(false); }

WaitingLine::Busy Executor::BusyLocked() const {
  WaitingLine::Busy busy;
  for (const auto& [uid, run] : runs_) {
    if (!run->Ended()) ++busy[SplitKey(run->job_key).first];
  }
  return busy;
}

bool Executor::AskForPlace(const std::string& job_key, const std::string& job_uid) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  const SteadyTime now = SystemClock().Steady();
  line_.Ask(job_key, job_uid, now);
  const auto next = line_.Next(BusyLocked(), now);
  return std::ranges::find(next, job_uid, &WaitingLine::Waiter::job_uid) != next.end();
}

std::optional<std::string> Executor::WaitsForPlace(const std::string& job_uid) const {
  const std::lock_guard lock(mutex_);
  if (!line_.Holds(job_uid)) return std::nullopt;
  return fmt::format(
      "it needs a place, and the controller executes at most {} runs at a time, of one namespace "
      "at most {} while others wait",
      options_.max_runs, line_.share());
}

void Executor::LeaveLine(const std::string& job_uid) {
  const std::lock_guard lock(mutex_);
  line_.Leave(job_uid);
}

void Executor::Ended(const std::string& job_key) {
  std::vector<WaitingLine::Waiter> next;
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) next = line_.Next(BusyLocked(), SystemClock().Steady());
  }
  changed_(job_key);
  for (const auto& waiter : next) changed_(waiter.job_key);
}

Status Executor::Execute(Assignment assignment) {
  std::shared_ptr<Hosted> former;  // joined after the lock, which its last word takes
  const std::lock_guard lock(mutex_);
  if (stopped_) return Cancelled("the executor has stopped");
  int running = 0;
  for (const auto& [ns, runs] : BusyLocked()) running += runs;
  if (running >= options_.max_runs) {
    return Error{Code::kExhausted, "as many in-process runs as allowed are under way"};
  }
  const std::string uid = assignment.job_uid;
  line_.Leave(uid);
  Assignment hosted;
  hosted.job_key = assignment.job_key;
  hosted.policy_key = assignment.policy_key;
  hosted.policy_uid = assignment.policy_uid;
  hosted.ledger = std::move(assignment.ledger);
  auto run = std::make_shared<Hosted>(std::move(hosted),
                                      [this](const std::string& job_key) { Ended(job_key); });
  STOKER_CHECK(run->Start(assignment, options_));
  former = std::exchange(runs_[uid], std::move(run));
  return {};
}

std::shared_ptr<Executor::Hosted> Executor::FindRun(const std::string& job_uid) const {
  const std::lock_guard lock(mutex_);
  const auto it = runs_.find(job_uid);
  return it == runs_.end() ? nullptr : it->second;
}

HostState Executor::StateOf(const std::string& job_uid) const {
  const auto run = FindRun(job_uid);
  if (!run || (run->Ended() && run->Abandoned())) return HostState::kAbsent;
  return run->Ended() ? HostState::kEnded : HostState::kRunning;
}

bool Executor::IsPaused(const std::string& job_uid) const {
  const auto run = FindRun(job_uid);
  return run && run->Paused();
}

std::optional<warming::Progress> Executor::ProgressOf(const std::string& job_uid) const {
  const auto run = FindRun(job_uid);
  return run ? std::optional(run->Progress()) : std::nullopt;
}

std::optional<warming::Report> Executor::ReportOf(const std::string& job_uid) const {
  const auto run = FindRun(job_uid);
  return run ? run->Report() : std::nullopt;
}

void Executor::Cancel(const std::string& job_uid, const std::string& reason) {
  LeaveLine(job_uid);
  if (const auto run = FindRun(job_uid)) run->Cancel(reason, false);
}

void Executor::CancelOwnedBy(const std::string& policy_uid, const std::string& reason) {
  std::vector<std::shared_ptr<Hosted>> owned;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [uid, run] : runs_) {
      if (run->policy_uid == policy_uid) owned.push_back(run);
    }
  }
  for (const auto& run : owned) run->Cancel(reason, false);
}

void Executor::Pause(const std::string& job_uid, bool paused) {
  if (paused) LeaveLine(job_uid);
  if (const auto run = FindRun(job_uid)) run->Pause(paused);
}

void Executor::HandOver(const std::string& job_uid, const std::string& reason) {
  LeaveLine(job_uid);
  if (const auto run = FindRun(job_uid)) run->HandOver(reason);
}

void Executor::Forget(const std::string& job_uid) {
  std::shared_ptr<Hosted> run;
  {
    const std::lock_guard lock(mutex_);
    const auto it = runs_.find(job_uid);
    if (it == runs_.end()) return;
    run = std::move(it->second);
    runs_.erase(it);
  }
  run->Cancel("it is forgotten", false);  // joined by the destructor, here or with the last reader
}

void Executor::ForgetOrphans(const Lives& lives) {
  std::map<std::string, std::shared_ptr<Hosted>> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [uid, run] : runs_) {
      if (run->Ended()) ended.emplace(uid, run);
    }
  }
  for (const auto& [uid, run] : ended) {
    if (!lives(run->policy_key, run->policy_uid)) Forget(uid);
  }
}

void Executor::Stop(bool hand_over) {
  std::map<std::string, std::shared_ptr<Hosted>> runs;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    runs.swap(runs_);
  }
  for (const auto& [uid, run] : runs) run->Cancel("the controller is stopping", hand_over);
  for (const auto& [uid, run] : runs) run->Join();
}

}  // namespace stoker::reconcile
