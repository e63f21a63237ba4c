#include "controller/warming/pace/byte_rate.h"

#include <algorithm>

namespace stoker::warming {
namespace {

using std::chrono::nanoseconds;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kKeptNs = kSecond / 10;  // of what nobody used
constexpr std::int64_t kWeight = 8;             // of the past in the expected size

// Saturates instead of overflowing, at a debt of some thirty years.
std::int64_t TimeFor(std::int64_t bytes, std::int64_t rate) {
  const double ns = static_cast<double>(bytes) * 1e9 / static_cast<double>(rate);
  return static_cast<std::int64_t>(std::clamp(ns, -1e18, 1e18));
}

}  // namespace

ByteRate::ByteRate(std::int64_t bytes_per_second, SteadyTime start)
    : rate_(bytes_per_second), start_(start), expected_(bytes_per_second / 10) {}

std::optional<SteadyTime> ByteRate::Wait(SteadyTime now) const {
  const std::int64_t paid = paid_until_ns_.load(std::memory_order_relaxed);
  if (rate_ <= 0 || paid <= nanoseconds(now - start_).count()) return std::nullopt;
  return start_ + nanoseconds(paid);
}

std::optional<SteadyTime> ByteRate::Begin(SteadyTime now, Charge& charge) {
  charge = {};
  if (rate_ <= 0) return std::nullopt;
  const std::int64_t now_ns = nanoseconds(now - start_).count();
  const std::int64_t expected = expected_.load(std::memory_order_relaxed);
  std::int64_t paid = paid_until_ns_.load(std::memory_order_relaxed);
  while (true) {
    if (paid > now_ns) return start_ + nanoseconds(paid);
    const std::int64_t from = std::max(paid, now_ns - kKeptNs);
    if (paid_until_ns_.compare_exchange_weak(paid, from + TimeFor(expected, rate_),
                                             std::memory_order_relaxed)) {
      charge.bytes = expected;
      return std::nullopt;
    }
  }
}

void ByteRate::Ended(Charge charge, std::int64_t bytes) {
  if (rate_ <= 0) return;
  paid_until_ns_.fetch_add(TimeFor(bytes - charge.bytes, rate_), std::memory_order_relaxed);
  const std::int64_t expected = expected_.load(std::memory_order_relaxed);
  const bool first = !measured_.exchange(true, std::memory_order_relaxed);
  const std::int64_t moved = first ? bytes : expected + (bytes - expected) / kWeight;
  expected_.store(std::max<std::int64_t>(moved, 1), std::memory_order_relaxed);
}

void ByteRate::Failed(Charge charge) {
  if (rate_ <= 0) return;
  paid_until_ns_.fetch_sub(TimeFor(charge.bytes, rate_), std::memory_order_relaxed);
}

}  // namespace stoker::warming
