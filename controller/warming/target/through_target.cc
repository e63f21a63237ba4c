#include "controller/warming/target/through_target.h"

#include <utility>

namespace stoker::warming {
namespace {

TargetError NothingToWrite() {
  return {"TargetRejected", "an HTTP cache takes no values; it fetches them itself", false, true};
}

class ThroughTarget final : public Target {
 public:
  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime) override {
    co_return tl::expected<void, TargetError>();
  }
  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, Millis, SteadyTime) override {
    co_return std::vector<bool>(keys.size(), false);
  }
  [[nodiscard]] bool HasRoom() const override { return true; }
  asio::awaitable<void> Writable() override { co_return; }
  void Write(std::string_view, std::string_view, Millis, bool, WriteDone done) override {
    done(tl::make_unexpected(NothingToWrite()));
  }
  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>&, SteadyTime) override {
    co_return tl::make_unexpected(NothingToWrite());
  }
  void Cancel() override {}
};

}  // namespace

std::unique_ptr<Target> MakeThroughTarget() { return std::make_unique<ThroughTarget>(); }

}  // namespace stoker::warming
