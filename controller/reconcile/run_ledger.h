#pragma once

// Where an in-process run stands, kept at the API server so that another leader can go on.
//
// The ledger is the ConfigMap `<job>-checkpoint`, owned by the Job. Every write carries the
// resourceVersion of our last one, and taking a run up writes first: whoever held the run before
// finds a conflict at its next write, stops its data plane and writes no more. A conflict with our
// own write, whose answer was lost, is told apart by attempt and term, and survived.
//
// An attempt is counted before it starts, so a run that brings its host down is counted too; one
// that was handed over in good order is not, nor is one begun again within the same term. Attempts
// in vain are those since the checkpoint last moved: a long run survives any number of leaders.
//
// Thread safety: one thread at a time. Lifetime: the client outlives it.

#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/kube/client.h"
#include "controller/warming/run/run.h"

namespace stoker::reconcile {

class RunLedger {
 public:
  // `transitions`: LeaderElector::Transitions() of our term.
  RunLedger(kube::Client& client, nlohmann::json job, std::int64_t transitions);

  struct Taken {
    std::int64_t attempt = 1;
    std::int64_t in_vain = 1;  // attempts, this one included, since the run last got further
    std::optional<warming::Checkpoint> checkpoint;
    std::optional<warming::Report> report;  // the run had ended; only the Job does not say so yet
  };
  // kConflict: a later leader has it. What others wrote into it is believed as far as an honest
  // leader could have written it; the rest counts as not there.
  Result<Taken> Take();
  Status Save(const warming::Checkpoint& checkpoint);
  Status Finish(const warming::Report& report);
  Status Release();

 private:
  Result<Taken> Create();
  Result<Taken> TakeOver(const nlohmann::json& found);
  Status Write();

  kube::Client& client_;
  const nlohmann::json job_;
  const std::int64_t transitions_;
  nlohmann::json object_;  // as last written
};

// The highest transition count of these ledgers, each a ConfigMap; 0: there is none. Anybody may
// write a ConfigMap: a count that no honest leader reaches is not believed, for the Lease could not
// go on from there.
std::int64_t HighestTransitions(const std::vector<nlohmann::json>& ledgers);

// The same of all ledgers in `namespaces` (empty: everywhere), read from the server.
Result<std::int64_t> TransitionsLeftBehind(kube::Client& client,
                                           const std::vector<std::string>& namespaces,
                                           const std::stop_token& stop);

}  // namespace stoker::reconcile
