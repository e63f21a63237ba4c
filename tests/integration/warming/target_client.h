#pragma once

// A target on a loop of the test's own thread, used as the engine uses it.
//
// Thread safety: one thread.

#include <asio/io_context.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "controller/warming/net/egress.h"
#include "controller/warming/target/target.h"
#include "tests/support/loop_runner.h"

namespace stoker::warming::testing {

using WriteResult = tl::expected<WriteOutcome, TargetError>;

inline SteadyTime Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(10); }

inline std::shared_ptr<const EgressGuard> AnyAddress() {
  return std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
}

class TargetClient {
 public:
  // `make` gets the loop and returns the target.
  template <class Make>
  explicit TargetClient(const Make& make) : target(make(loop)) {}

  tl::expected<void, TargetError> Open() {
    return stoker::testing::RunOn(loop, target->Open(Soon()));
  }
  // Writes, and runs the loop until the answer came.
  WriteResult Put(const std::string& key, const std::string& value, Millis ttl = Millis(0),
                  bool if_absent = false) {
    // Shared: the answer to a write that hangs comes when the target ends.
    const auto outcome = std::make_shared<std::optional<WriteResult>>();
    target->Write(key, value, ttl, if_absent,
                  [outcome](WriteResult got) { *outcome = std::move(got); });
    RunUntil([&] { return outcome->has_value(); });
    return *outcome ? **outcome : tl::make_unexpected(TargetError{"NoAnswer", "", false, false});
  }
  auto Probe(const std::vector<std::string_view>& keys, Millis at_least = Millis(0)) {
    return stoker::testing::RunOn(loop, target->Probe(keys, at_least, Soon()));
  }
  auto Read(const std::vector<std::string_view>& keys) {
    return stoker::testing::RunOn(loop, target->Read(keys, Soon()));
  }
  template <class Condition>
  void RunUntil(Condition condition, std::chrono::milliseconds timeout = std::chrono::seconds(15)) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    loop.restart();
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      loop.run_one_for(std::chrono::milliseconds(20));
    }
  }

  asio::io_context loop;
  std::unique_ptr<Target> target;
};

}  // namespace stoker::warming::testing
