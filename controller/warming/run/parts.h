#pragma once

// What a run is put together from, so that tests can put in an origin that misbehaves on purpose.
//
// Thread safety: the factories are called on the loop that will own what they make.

#include <functional>
#include <memory>
#include <vector>

#include "controller/warming/net/loop_pool.h"
#include "controller/warming/origin/http_client.h"
#include "controller/warming/pace/outage.h"
#include "controller/warming/run/run.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

// The requests that sources make: as HttpClient::FetchStreaming().
class DocumentClient {
 public:
  virtual ~DocumentClient() = default;
  virtual asio::awaitable<FetchResult> Get(const std::string& url, SteadyTime deadline,
                                           const Leave& leave, BodySink sink) = 0;
  virtual void Cancel() = 0;
};

struct RunParts {
  std::function<std::unique_ptr<Origin>(asio::io_context&)> origin;  // null: none is needed
  std::vector<std::function<std::unique_ptr<Target>(asio::io_context&)>> targets;
  std::function<std::unique_ptr<DocumentClient>(asio::io_context&)> documents;
  std::shared_ptr<const EgressGuard> egress;  // for what sources dial themselves
  LoopPool* pool = nullptr;                   // null: the shared one
  OutageBackoff outage_backoff;
};

// The real parts: HTTP origin, Redis or in-memory targets. Errors name the field.
Result<RunParts> MakeRunParts(const RunSpec& spec, const Materials& materials,
                              const RunOptions& options);

// Run::Create with the parts given.
Result<std::unique_ptr<Run>> CreateRun(RunSpec spec, std::shared_ptr<const Materials> materials,
                                       RunOptions options, RunParts parts);

}  // namespace stoker::warming
