#pragma once

// One run's truth out of the accounts of its shards.
//
// Each index of a pods run tells of its share: live through /progress, at the end in the
// termination message. A replaced worker finds what its predecessor warmed and counts it as
// skipped, so for each index only the latest attempt that has something to say counts; adding up
// attempts would count twice.
//
// Thread safety: pure functions.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/reconcile/run_state.h"
#include "controller/warming/run/report.h"

namespace stoker::reconcile {

// A run whose shards all succeeded, and to none of which an entry fell.
inline constexpr char kNothingDiscovered[] = "NothingDiscovered";

struct WorkerPod {  // a pod of a run's Job
  std::string uid;
  std::string ip;
  int index = 0;
  bool running = false;
  bool ready = false;
  std::string created;                    // RFC 3339; orders attempts
  std::optional<warming::Report> report;  // from the termination message
};

// Nullopt when the pod is not controlled by `job_uid` (a label proves nothing).
std::optional<WorkerPod> ReadWorkerPod(const nlohmann::json& pod, const std::string& job_uid);

struct ShardsView {
  std::optional<warming::Progress> progress;  // of all shards together; nullopt: nobody spoke yet
  std::optional<warming::Report>
      report;  // when every one of `shards` has reported, or all are `over`
  int ready = 0;
  int reported = 0;  // shards whose latest worker left its account
};

// `live`: /progress by pod UID. `over`: the Job has ended, nobody will report any more. Only pods with
// an index below `shards` count.
ShardsView CombineShards(const std::vector<WorkerPod>& pods,
                         const std::map<std::string, warming::Progress>& live, int shards,
                         bool over);

warming::Progress SumProgress(const std::vector<warming::Progress>& shards);
warming::Report SumReports(const std::vector<warming::Report>& shards);

// What can be said of a finished Job whose executor or workers left no account.
warming::Report ReportOfJob(const JobState& job, const std::optional<warming::Progress>& last_seen);

}  // namespace stoker::reconcile
