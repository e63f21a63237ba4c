#pragma once

// One execution of a policy: entries from sources to targets, gently, and the truth about what
// happened.
//
//   sources -> strategy -> batches -> [ probe, pace, fetch, write, verify ] x loops -> tally
//
// The same Run serves three hosts: the controller (in-process runs), a worker pod, and the CLI. It
// knows nothing of Kubernetes: the host resolves Secrets and ConfigMaps into Materials and injects
// what else differs (checkpoint store, lease gate, egress rules).
//
// Thread safety: Snapshot(), Cancel() and Pause() from any thread. Callbacks run on one of the
// run's own threads, never two at a time, never after Wait() returned.
// Shutdown: Cancel() stops new origin requests at once, aborts what is in flight within one second,
// and Wait() then returns the report. Drain() is for a host that another one follows: what is in
// flight may finish first, so that nobody fetches it twice. The destructor cancels and waits.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/api/types.h"
#include "controller/base/cgroup.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/net/egress_rules.h"
#include "controller/warming/pace/origin_budgets.h"
#include "controller/warming/plan/key_set.h"
#include "controller/warming/plan/shard.h"
#include "controller/warming/run/report.h"

namespace stoker::warming {

// Where a run stands, so that another host can go on. Opaque JSON, at most 256 KiB.
// Holds: plan hash, low-water mark, bitmap of batches beyond it that every target acknowledged, and
// the tally of exactly those batches.
struct Checkpoint {
  nlohmann::json data;
};

struct RunSpec {
  std::string id;         // names the run; seeds jitter and samples
  std::string plan_hash;  // of the plan; a checkpoint of another plan is refused
  api::WarmingPolicySpec policy;
  Shard shard;
};

struct RunOptions {
  int loops = 0;  // 0: one a core that the cgroup grants
  EgressRules egress;
  bool local_files =
      false;  // sources may read files of this machine: the command line's user alone
  // Asked before every origin request and every write; false: stop at once (a deposed leader).
  std::function<bool()> may_act;
  // Values that wait for their targets, or are still coming from the origin; one value may exceed
  // it. Small ones (up to 16 KiB) are bounded by maxInFlight instead.
  std::int64_t value_bytes = 128 << 20;
  // Batches in the queue, and at work in each loop; one batch may exceed it.
  std::int64_t batch_bytes = 16 << 20;
  // What this process may still use: while it is short the run slows down. Null: nobody looks.
  std::function<std::optional<MemoryUse>()> memory;
  // Where runs of one scope share what they ask of an origin; null: the run is on its own.
  std::shared_ptr<OriginBudgets> budgets;
  std::string budget_scope;
  // Keys that the sources may list, since each is remembered (9.4 bytes); 0: any number.
  std::int64_t most_keys = 0;
  // Of all that the sources list, these keys alone (their hashes); null: all. The list is part of
  // what plan_hash names.
  std::shared_ptr<const KeySet> only;
  // An emergency stop that waits for a person ends the run: nobody could resume it here.
  bool manual_stop_ends = false;
  std::optional<Checkpoint> resume;
  // At most every checkpoint_every, and at the end.
  std::function<void(const Checkpoint&)> on_checkpoint;
  Millis checkpoint_every{5000};
  // Each entry that failed for good: key, reason, message. For --failed-to.
  std::function<void(std::string_view, std::string_view, std::string_view)> on_failed;
  const Clock* clock = &SystemClock();
};

class Run {
 public:
  // Checks what can be checked without touching the network (materials are there, templates
  // resolve, certificates parse). kInvalid and kNotFound name the field.
  static Result<std::unique_ptr<Run>> Create(RunSpec spec,
                                             std::shared_ptr<const Materials> materials,
                                             RunOptions options);
  virtual ~Run() = default;

  virtual void Start() = 0;  // once
  virtual void Cancel(std::string reason) = 0;
  // Begins nothing new; what is in flight is fetched, written and counted, for `grace` at most. The
  // run then ends as cancelled, unless nothing was left. Returns at once.
  virtual void Drain(Millis grace, std::string reason) = 0;
  // No new origin request while paused; the deadline stands still.
  virtual void Pause(bool paused) = 0;
  [[nodiscard]] virtual Progress Snapshot() const = 0;
  [[nodiscard]] virtual bool Done() const = 0;
  virtual Report Wait() = 0;
};

}  // namespace stoker::warming
