#include "controller/warming/origin/through_caches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace stoker::warming {
namespace {

constexpr int kMostAsked = 4;            // requests until a miss is believed
constexpr Millis kUntilAgeTells{1'050};  // Age counts in seconds
constexpr Millis kNamesDeadline{5'000};

FetchError ResolverError(const ConnectError& error) {
  FetchError failed{std::string(ToString(error.reason)), error.message, true, true, {}};
  failed.retryable = error.reason != ConnectError::Reason::kCancelled;
  return failed;
}

// The URL with an address instead of its host; the Host header is the client's to say.
std::string AtAddress(const std::string& url, const asio::ip::address& address) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", host), url.size());
  const std::size_t bracket = url.rfind(']', end);
  const std::size_t from = bracket != std::string::npos && bracket > host ? bracket : host;
  const std::size_t colon = std::min(url.find(':', from), end);
  const std::string text = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return url.substr(0, host) + text + url.substr(colon);
}

std::string_view WithoutQuery(std::string_view url) {
  return url.substr(0, url.find('?')).substr(0, 200);
}

}  // namespace

struct ThroughCaches::Cache {
  Cache(asio::io_context& loop, const std::shared_ptr<const EgressGuard>& guard,
        ThroughCacheOptions o)
      : options(std::move(o)) {
    for (const HttpClientOptions& variant : options.variants) {
      clients.push_back(std::make_unique<HttpClient>(loop, guard, variant));
    }
  }
  const ThroughCacheOptions options;
  std::vector<std::unique_ptr<HttpClient>> clients;  // one a variant
};

ThroughCaches::ThroughCaches(asio::io_context& loop,
                             const std::shared_ptr<const EgressGuard>& guard,
                             const std::vector<ThroughCacheOptions>& caches)
    : loop_(loop),
      names_(std::make_shared<NameCache>(loop, caches.front().variants.front().resolver)) {
  for (const ThroughCacheOptions& cache : caches) {
    caches_.push_back(std::make_unique<Cache>(loop, guard, cache));
  }
}

ThroughCaches::~ThroughCaches() = default;

asio::awaitable<FetchResult> ThroughCaches::Fetch(Question& question, const Leave& leave) {
  Fetched fetched;
  unsigned held = 0;
  for (std::size_t i = 0; i < caches_.size(); ++i) {
    Sum sum;
    Failure failed = co_await Warm(*caches_[i], question, leave, sum);
    if (failed) co_return tl::make_unexpected(std::move(*failed));
    fetched.wire_bytes += sum.wire_bytes;
    if (sum.held) held |= 1U << i;
  }
  fetched.held = static_cast<std::uint8_t>(held);
  co_return fetched;
}

asio::awaitable<ThroughCaches::Failure> ThroughCaches::Warm(Cache& cache, Question& question,
                                                            const Leave& leave, Sum& sum) {
  question.address.clear();
  cache.options.url.Render(question.values, question.address);
  if (!cache.options.all_endpoints) {
    co_return co_await WarmEndpoint(cache, question.address, leave, sum);
  }
  const Lookup::Addresses addresses = co_await AddressesOf(cache);
  if (!addresses) co_return ResolverError(addresses.error());
  for (const asio::ip::address& address : *addresses) {
    Failure failed = co_await WarmEndpoint(cache, AtAddress(question.address, address), leave, sum);
    if (failed && failed->connection) names_->Forget(cache.options.host);  // it may be gone
    if (failed) co_return failed;
  }
  co_return std::nullopt;
}

asio::awaitable<ThroughCaches::Failure> ThroughCaches::WarmEndpoint(Cache& cache,
                                                                    const std::string& url,
                                                                    const Leave& leave, Sum& sum) {
  for (const auto& client : cache.clients) {
    Failure failed = co_await WarmVariant(cache, *client, url, leave, sum);
    if (failed) co_return failed;
  }
  co_return std::nullopt;
}

asio::awaitable<ThroughCaches::Failure> ThroughCaches::WarmVariant(Cache& cache, HttpClient& client,
                                                                   const std::string& url,
                                                                   const Leave& leave, Sum& sum) {
  for (int asked = 1; asked <= kMostAsked; ++asked) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + cache.options.timeout;
    FetchResult answer = co_await client.Fetch(url, deadline, leave);
    if (!answer) co_return std::move(answer.error());
    sum.wire_bytes += answer->wire_bytes;
    switch (cache.options.status.Judge(answer->kept)) {
      case CacheVerdict::kHit:
        co_return std::nullopt;
      case CacheVerdict::kMiss:
        break;
      case CacheVerdict::kAge:
        co_await LetItAge();
        break;
      case CacheVerdict::kUnknown:
        co_return FetchError{
            "NoCacheStatus",
            fmt::format("{} answers without saying whether it was cached; let the cache send "
                        "X-Cache-Status, or name its header in statusHeader",
                        WithoutQuery(url)),
            false,
            false,
            {}};
    }
    sum.held = false;
    if (cancelled_) co_return FetchError{"Cancelled", "cancelled", false, false, {}};
  }
  co_return FetchError{
      "NotCached",
      fmt::format("{} was not cached after {} requests; do Cache-Control, Set-Cookie or the "
                  "cache's own rules forbid it?",
                  WithoutQuery(url), kMostAsked),
      false,
      false,
      {}};
}

asio::awaitable<Lookup::Addresses> ThroughCaches::AddressesOf(const Cache& cache) {
  Waiter waiter(loop_);
  waiting_.push_back(&waiter);
  auto addresses = co_await NameCache::Resolve(names_, cache.options.host, waiter,
                                               std::chrono::steady_clock::now() + kNamesDeadline);
  std::erase(waiting_, &waiter);
  co_return addresses;
}

asio::awaitable<void> ThroughCaches::LetItAge() {
  if (cancelled_) co_return;
  Waiter waiter(loop_);
  waiting_.push_back(&waiter);
  co_await waiter.Wait(std::chrono::steady_clock::now() + kUntilAgeTells);
  std::erase(waiting_, &waiter);
}

void ThroughCaches::Cancel() {
  cancelled_ = true;
  for (const auto& cache : caches_) {
    for (const auto& client : cache->clients) client->Cancel();
  }
  for (Waiter* waiter : waiting_) waiter->Cancel();
}

}  // namespace stoker::warming
