#pragma once

// Reads the sources into the batch queue, no further ahead than the queue and the ledger's window
// allow.
//
// What sources fetch goes by the rules of every other request of the run: a place in flight, a
// token, the egress guard; failures are retried with back-off while they may pass. Batches that a
// checkpoint holds as done are read and dropped.
//
// Thread safety: the loop of its LoopRunner, but Wake(), which any thread may call.

#include <memory>

#include "controller/warming/plan/planner.h"
#include "controller/warming/run/async_event.h"
#include "controller/warming/run/loop_runner.h"

namespace stoker::warming {

class Reader : public SourceFetcher, public std::enable_shared_from_this<Reader> {
 public:
  Reader(RunContext& run, const RunParts& parts, std::shared_ptr<LoopRunner> runner);
  ~Reader() override;
  void SetPlanner(std::unique_ptr<Planner> planner) { planner_ = std::move(planner); }

  asio::awaitable<void> Main();
  void Wake();
  void Abort();
  asio::awaitable<Status> Download(const std::string& url, std::size_t max_bytes,
                                   std::function<void()> restart, BodySink sink,
                                   std::string* link) override;

 private:
  asio::awaitable<Status> ReadAll();
  asio::awaitable<FetchResult> Attempt(const std::string& url, std::size_t max_bytes,
                                       bool& too_large, const BodySink& sink);
  // True: try again after `wait`.
  bool MayRetry(const FetchError& error, int tries, Millis& wait);

  RunContext& run_;
  const RunParts& parts_;
  std::shared_ptr<LoopRunner> runner_;
  std::unique_ptr<DocumentClient> client_;
  std::unique_ptr<Planner> planner_;
  AsyncEvent room_;
  Jitter jitter_;
};

}  // namespace stoker::warming
