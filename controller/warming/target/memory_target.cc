#include "controller/warming/target/memory_target.h"

#include <array>
#include <asio/post.hpp>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "controller/base/hash.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kStripes = 64;
constexpr std::size_t kEntryOverhead = 64;

SteadyTime MemoryNow() { return std::chrono::steady_clock::now(); }

struct Item {
  std::string value;
  std::optional<SteadyTime> expires;
};

struct Stripe {
  mutable std::mutex mutex;
  std::unordered_map<std::string, Item> items;  // protected by mutex
};

bool Alive(const Item& item) { return !item.expires || *item.expires > MemoryNow(); }

}  // namespace

struct MemoryStore::Impl {
  explicit Impl(std::size_t most) : max_bytes(most) {}
  const std::size_t max_bytes;
  std::atomic<std::size_t> bytes{0};
  std::array<Stripe, kStripes> stripes;

  Stripe& StripeOf(std::string_view key) { return stripes[KeyHash(key) % kStripes]; }

  std::optional<Item> Find(std::string_view key) {
    Stripe& stripe = StripeOf(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.items.find(std::string(key));
    if (found == stripe.items.end() || !Alive(found->second)) return std::nullopt;
    return found->second;
  }

  tl::expected<WriteOutcome, TargetError> Put(std::string_view key, std::string_view value,
                                              Millis ttl, bool if_absent) {
    Stripe& stripe = StripeOf(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.items.find(std::string(key));
    const bool there = found != stripe.items.end();
    if (there && if_absent && Alive(found->second)) return WriteOutcome::kPresent;
    const std::size_t freed = there ? key.size() + found->second.value.size() + kEntryOverhead : 0;
    const std::size_t needed = key.size() + value.size() + kEntryOverhead;
    if (bytes.fetch_add(needed) + needed > max_bytes + freed) {
      bytes.fetch_sub(needed);
      return tl::make_unexpected(TargetError{
          "TargetOutOfMemory",
          "the memory target is full: it holds at most " + std::to_string(max_bytes) + " bytes",
          false, true});
    }
    bytes.fetch_sub(freed);
    Item item{std::string(value), std::nullopt};
    if (ttl.count() > 0) item.expires = MemoryNow() + ttl;
    stripe.items.insert_or_assign(std::string(key), std::move(item));
    return WriteOutcome::kWritten;
  }
};

MemoryStore::MemoryStore(std::size_t max_bytes) : impl_(std::make_unique<Impl>(max_bytes)) {}
MemoryStore::~MemoryStore() = default;

std::size_t MemoryStore::Size() const {
  std::size_t size = 0;
  for (const Stripe& stripe : impl_->stripes) {
    const std::lock_guard lock(stripe.mutex);
    size += stripe.items.size();
  }
  return size;
}

std::optional<std::string> MemoryStore::Get(std::string_view key) const {
  auto item = impl_->Find(key);
  if (!item) return std::nullopt;
  return std::move(item->value);
}

class MemoryTarget final : public Target {
 public:
  MemoryTarget(asio::io_context& loop, std::shared_ptr<MemoryStore> store)
      : loop_(loop), store_(std::move(store)) {}

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime) override {
    co_return tl::expected<void, TargetError>();
  }

  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, Millis at_least, SteadyTime) override {
    std::vector<bool> present;
    for (const std::string_view key : keys) {
      const auto item = store_->impl_->Find(key);
      present.push_back(item && (!item->expires || *item->expires - MemoryNow() >= at_least));
    }
    co_return present;
  }

  [[nodiscard]] bool HasRoom() const override { return true; }
  asio::awaitable<void> Writable() override { co_return; }

  // Answers on a later turn of the loop, as a connection would.
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    auto outcome = cancelled_
                       ? tl::make_unexpected(TargetError{"Cancelled", "cancelled", false, true})
                       : store_->impl_->Put(key, value, ttl, if_absent);
    asio::post(loop_, [done = std::move(done), outcome = std::move(outcome)]() mutable {
      done(std::move(outcome));
    });
  }

  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>& keys, SteadyTime) override {
    std::vector<Held> held(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      auto item = store_->impl_->Find(keys[i]);
      if (!item) continue;
      held[i].present = true;
      if (item->expires) held[i].ttl = std::chrono::ceil<Millis>(*item->expires - MemoryNow());
      held[i].value = std::move(item->value);
    }
    co_return held;
  }

  void Cancel() override { cancelled_ = true; }

 private:
  asio::io_context& loop_;
  const std::shared_ptr<MemoryStore> store_;
  bool cancelled_ = false;
};

std::unique_ptr<Target> MakeMemoryTarget(asio::io_context& loop,
                                         std::shared_ptr<MemoryStore> store) {
  return std::make_unique<MemoryTarget>(loop, std::move(store));
}

}  // namespace stoker::warming
