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

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace stoker::warming {

// What a policy refers to by name, resolved by the host. A missing one is Code::kNotFound.
class Materials {
 public:
  virtual ~Materials() = default;
  // All keys of one Secret / ConfigMap (data and binaryData decoded).
  [[nodiscard]] virtual Result<std::map<std::string, std::string>> Secret(
      const std::string& name) const = 0;
  [[nodiscard]] virtual Result<std::map<std::string, std::string>> ConfigMap(
      const std::string& name) const = 0;
};

// Static sharding: this host takes the entries whose key hash falls to `index` of `count`, and
// its exact share of rate, burst and in-flight.
struct Shard {
  int index = 0;
  int count = 1;
};

// Which addresses may be dialled. In-process runs use the controller's place in the network, so
// loopback, link-local, metadata and API server addresses are refused at every dial; the CLI and
// pods allow all.
struct EgressRules {
  bool guarded = false;
  std::vector<std::string> denied;   // further addresses or CIDRs (the API server's)
  std::vector<std::string> allowed;  // exceptions made by the administrator
};

// discovered = warmed + skipped + failed + left, always.
struct Tally {
  std::int64_t discovered = 0;
  std::int64_t warmed = 0;   // acknowledged by every target
  std::int64_t skipped = 0;  // every target held it already
  std::int64_t failed = 0;
  std::int64_t left = 0;   // known and not yet finished
  std::int64_t bytes = 0;  // of values written
  std::int64_t verified = 0;
  std::int64_t verify_failed = 0;
  std::int64_t origin_requests = 0;
};

struct TargetTally {
  std::string name;
  std::int64_t warmed = 0;
  std::int64_t failed = 0;
};

struct FailureCount {  // at most 10 rows
  std::string reason;  // CamelCase: HTTP404, Timeout, ConnectionRefused, TargetOutOfMemory, ...
  std::int64_t count = 0;
  std::string sample_key;
  std::string sample_message;  // a sentence; never a value, never a credential
};

// How a run went on from a checkpoint.
enum class Resumed {
  kNot,         // there was none
  kGoesOn,      // behind what the checkpoint holds as done
  kSkipsWarm,   // its sources keep no order: all is listed again, what the targets hold is skipped
  kStartsOver,  // the same, but a target is overwritten: all is fetched again
};

// What is down, and is being retried until it answers or the deadline comes.
struct Waiting {
  std::string reason;   // CamelCase: TargetUnavailable, OriginUnavailable, TargetOutOfMemory, ...
  std::string message;  // "redis.shop:6379 refused the connection"
};

struct Progress {
  enum class Phase { kPlanning, kWarming, kVerifying, kDone };
  Phase phase = Phase::kPlanning;
  Resumed resumed = Resumed::kNot;
  Tally tally;
  bool enumerated = false;  // `discovered` is final
  double percent = 0;       // (warmed + skipped) / discovered * 100
  double per_second = 0;    // entries finished, over the last 10 s
  std::optional<Millis> eta;
  Millis origin_latency{0};  // median of recent requests
  double origin_error_percent = 0;
  bool throttled = false;          // waiting for a Retry-After
  std::optional<Waiting> waiting;  // none: nothing is down
  std::vector<TargetTally> targets;
  std::vector<FailureCount> failures;
};

struct Report {
  enum class Result { kSucceeded, kFailed, kCancelled };
  Result result = Result::kFailed;
  // CamelCase: Warmed, BelowMinimum, DeadlineExceeded, Cancelled, TargetUnavailable,
  // OriginUnavailable, TargetOutOfMemory, TargetReadOnly, TargetAuth, SourceFailed, ...
  std::string reason;
  std::string message;  // a sentence for a person
  // The part of the message that the tally and the failures do not tell, for a display that shows
  // those too. Stays in this process: it is not part of the JSON.
  std::string cause;
  Progress progress;
  Millis duration{0};
  std::optional<WallTime> first_expiry;  // when the first of what was warmed expires
};

nlohmann::json ToJson(const Tally& tally);
nlohmann::json ToJson(const Progress& progress);
nlohmann::json ToJson(const Report& report);
Result<Report> ReportFromJson(const nlohmann::json& json);
Result<Progress> ProgressFromJson(const nlohmann::json& json);

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
  // Keys that the sources may list, since each is remembered (9.4 bytes); 0: any number.
  std::int64_t most_keys = 0;
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

// What a run would do, from what can be known without touching origin or target.
struct PlanEstimate {
  std::optional<std::int64_t> entries;  // unknown for sources that must be fetched
  // What has to be read for these, before filters, duplicates and the choice of the best; unknown
  // as above, and for a list that is longer than may be read.
  std::optional<std::int64_t> read;
  bool exact = false;
  std::vector<std::pair<std::string, std::optional<std::int64_t>>> by_source;
  std::optional<std::int64_t> bytes;     // entries x assumed value size
  std::optional<Millis> duration;        // entries / requestsPerSecond
  std::vector<std::string> sample_keys;  // the first few
  std::vector<std::string> sample_urls;
};
inline constexpr std::int64_t kMostEstimated = 10'000'000;
// Reads at most `most_read` entries: of more, a pattern's size is computed, not counted, and a
// list's is unknown.
Result<PlanEstimate> EstimatePlan(const RunSpec& spec, const Materials& materials,
                                  std::int64_t assumed_value_bytes = 1024,
                                  std::int64_t most_read = kMostEstimated);

}  // namespace stoker::warming
