#include "controller/warming/pace/write_pace.h"

#include "controller/base/duration.h"

namespace stoker::warming {
namespace {

constexpr Millis kWriteLookAgain{2};       // another loop's answer may make room
constexpr std::int64_t kBurstShare = 100;  // of a second

}  // namespace

WritePace::WritePace(WritePaceOptions options, SteadyTime start)
    : options_(options),
      bucket_(options.per_second, options.per_second / kBurstShare, start),
      bytes_(options.bytes_per_second, start) {}

std::optional<SteadyTime> WritePace::Ask(SteadyTime now, std::int64_t bytes) {
  if (const auto again = bytes_.Wait(now)) return again;
  const std::int64_t out = in_flight_.fetch_add(1, std::memory_order_relaxed);
  const auto refused = [this](SteadyTime again) {
    Answered();
    return std::optional(again);
  };
  if (options_.in_flight > 0 && out >= options_.in_flight) return refused(now + kWriteLookAgain);
  if (options_.per_second > 0) {
    if (const auto again = bucket_.Take(now)) return refused(*again);
  }
  // What it weighs is known, so it is paid for at once.
  ByteRate::Charge charge;
  if (const auto again = bytes_.Begin(now, charge)) return refused(*again);
  bytes_.Ended(charge, bytes);
  return std::nullopt;
}

}  // namespace stoker::warming
