#pragma once

// How far a run is, and what came of it: what status, metrics, the command line and a worker's
// termination message are made of.
//
// Thread safety: plain values and pure functions.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/base/result.h"

namespace stoker::warming {

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

// The origin answered slower than latency.stopAbove, and no request is sent.
struct Stopped {
  std::string message;               // "8 of the last 10 requests took longer than 2s"
  std::optional<Millis> resumes_in;  // none: a person has to say so
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
  bool throttled = false;            // waiting for a Retry-After
  std::int64_t in_flight_limit = 0;  // requests at a time, as the origin's latency allows now
  std::string slowed;                // why that is fewer than configured; empty: it is not
  std::string circuit_open;          // why nothing but probes is sent; empty: all is
  std::optional<Stopped> stopped;
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

}  // namespace stoker::warming
