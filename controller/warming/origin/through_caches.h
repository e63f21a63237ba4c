#pragma once

// Warming HTTP caches (nginx, Varnish, a CDN): the request through the cache is what fills it.
//
// An entry is warm in a cache when every endpoint answers a hit for every variant. Whoever answers a
// miss is asked again, until it says hit: that it was fetched does not prove that it was stored.
// Bodies are read past, never kept. Every request takes its own leave.
//
// With AllEndpoints each address that the host's name has is asked, under the name in the URL;
// names are asked anew every five seconds, and when an address does not serve.
//
// Failures beside those of a Fetch: NotCached, an answer that never becomes a hit; NoCacheStatus, one
// that does not say.
//
// Thread safety: one loop. Shutdown: Cancel().

#include <asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "controller/warming/net/name_cache.h"
#include "controller/warming/origin/cache_status.h"
#include "controller/warming/origin/http_client.h"
#include "controller/warming/origin/origin.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

struct ThroughCacheOptions {
  Template url;  // over the values of a Question; one host whatever they are
  bool all_endpoints = false;
  std::string host;  // AllEndpoints: whose addresses
  CacheStatusReader status;
  Millis timeout{5'000};                    // of one request
  std::vector<HttpClientOptions> variants;  // one at least: what its requests carry
};

class ThroughCaches final : public Origin {
 public:
  ThroughCaches(asio::io_context& loop, const std::shared_ptr<const EgressGuard>& guard,
                const std::vector<ThroughCacheOptions>& caches);
  ~ThroughCaches() override;

  // Fetched::held says which of the caches, in their order, had it already.
  asio::awaitable<FetchResult> Fetch(Question& question, const Leave& leave) override;
  void Cancel() override;

 private:
  struct Cache;
  struct Sum {  // of the requests for one entry
    std::size_t wire_bytes = 0;
    bool held = true;
  };
  using Failure = std::optional<FetchError>;

  asio::awaitable<Failure> Warm(Cache& cache, Question& question, const Leave& leave, Sum& sum);
  asio::awaitable<Failure> WarmEndpoint(Cache& cache, const std::string& url, const Leave& leave,
                                        Sum& sum);
  asio::awaitable<Failure> WarmVariant(Cache& cache, HttpClient& client, const std::string& url,
                                       const Leave& leave, Sum& sum);
  asio::awaitable<Lookup::Addresses> AddressesOf(const Cache& cache);
  asio::awaitable<void> LetItAge();

  asio::io_context& loop_;
  const std::shared_ptr<NameCache> names_;
  std::vector<std::unique_ptr<Cache>> caches_;
  std::vector<Waiter*> waiting_;
  bool cancelled_ = false;
};

}  // namespace stoker::warming
