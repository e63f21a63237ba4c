#pragma once

// Runs warming in this process: the data plane of in-process runs, on the leader only.
//
// A run must stop when its Job is deleted, when the lease is lost, when its checkpoint turns out to
// be another leader's, and when the process ends - and in each case write exactly what it still
// may. One supervising thread a run owns all of that: it starts the run, keeps its ledger, and ends
// it.
//
// Only so many run at a time; the rest waits in line (waiting_line.h) and is told when its turn comes.
//
// Thread safety: all methods from any thread. Lifetime: outlived by the client and the elector
// behind `may_act`. Shutdown: Stop() ends every run within a second and joins; with `hand_over` it
// first lets what is in flight finish (1.5 s at most), then leaves each run's last checkpoint and
// marks it released, so that the next leader goes on from there and fetches nothing twice.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "controller/reconcile/references.h"
#include "controller/reconcile/run_decision.h"
#include "controller/reconcile/run_ledger.h"
#include "controller/reconcile/waiting_line.h"
#include "controller/warming/run/run.h"

namespace stoker::reconcile {

struct ExecutorOptions {
  int max_runs = 4;
  int loops = 0;
  std::function<warming::EgressRules()> egress;  // asked as each run begins; null: no guard
  std::function<bool()> may_act;
  // Runs of one namespace share what they ask of an origin.
  std::shared_ptr<warming::OriginBudgets> budgets = std::make_shared<warming::OriginBudgets>();
  Millis checkpoint_every{5000};
};

struct Assignment {
  std::string job_key;  // namespace/name
  std::string job_uid;
  std::string policy_key;  // namespace/name
  std::string policy_uid;
  warming::RunSpec spec;
  Resolved materials;
  std::unique_ptr<RunLedger> ledger;  // taken
  std::optional<warming::Checkpoint> resume;
};

class Executor {
 public:
  // `changed` is told the job key when a run ended, or its turn has come; it must not block.
  Executor(ExecutorOptions options, std::function<void(const std::string& job_key)> changed);
  ~Executor();

  // Whether the run may begin now. Else it waits in line, as long as it asks again now and then.
  bool AskForPlace(const std::string& job_key, const std::string& job_uid);
  // What keeps a run that asked from beginning; nullopt: it does not wait.
  [[nodiscard]] std::optional<std::string> WaitsForPlace(const std::string& job_uid) const;
  // kInvalid and kNotFound: the run cannot be (Run::Create says why). kExhausted: no room.
  Status Execute(Assignment assignment);

  [[nodiscard]] HostState StateOf(const std::string& job_uid) const;
  [[nodiscard]] bool IsPaused(const std::string& job_uid) const;
  [[nodiscard]] std::optional<warming::Progress> ProgressOf(const std::string& job_uid) const;
  [[nodiscard]] std::optional<warming::Report> ReportOf(const std::string& job_uid) const;

  // One that waits leaves the line.
  void Cancel(const std::string& job_uid, const std::string& reason);
  void CancelOwnedBy(const std::string& policy_uid, const std::string& reason);
  void Pause(const std::string& job_uid, bool paused);
  // Lets what is in flight end and gives the place back, so that the run can be taken up again from
  // its checkpoint, by whoever leads then; meanwhile it counts as paused.
  void HandOver(const std::string& job_uid, const std::string& reason);
  // Drops an ended run; one that still runs is cancelled and drops itself.
  void Forget(const std::string& job_uid);
  // Drops ended runs whose policy is gone, so that nobody will ask for their reports.
  using Lives = std::function<bool(const std::string& policy_key, const std::string& policy_uid)>;
  void ForgetOrphans(const Lives& lives);

  void Stop(bool hand_over);

 private:
  class Hosted;
  [[nodiscard]] std::shared_ptr<Hosted> FindRun(const std::string& job_uid) const;
  void LeaveLine(const std::string& job_uid);
  [[nodiscard]] WaitingLine::Busy BusyLocked() const;
  void Ended(const std::string& job_key);

  const ExecutorOptions options_;
  const std::function<void(const std::string&)> changed_;
  mutable std::mutex mutex_;
  bool stopped_ = false;                                 // protected by mutex_
  std::map<std::string, std::shared_ptr<Hosted>> runs_;  // by Job UID; protected by mutex_
  WaitingLine line_;                                     // protected by mutex_
};

}  // namespace stoker::reconcile
