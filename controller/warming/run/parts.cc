#include "controller/warming/run/parts.h"

#include <fmt/format.h>

#include "controller/warming/origin/make_origin.h"
#include "controller/warming/origin/origin_chain.h"
#include "controller/warming/origin/through_caches.h"
#include "controller/warming/run/addresses.h"
#include "controller/warming/source/http_source.h"
#include "controller/warming/target/make_target.h"

namespace stoker::warming {
namespace {

using Guard = std::shared_ptr<const EgressGuard>;

// Lists and sitemaps: no headers of the origin go there.
class HttpDocuments final : public DocumentClient {
 public:
  HttpDocuments(asio::io_context& loop, const Guard& guard) : client_(loop, guard, Options()) {}
  asio::awaitable<FetchResult> Get(const std::string& url, SteadyTime deadline, const Leave& leave,
                                   BodySink sink) override {
    return client_.FetchStreaming(url, deadline, leave, std::move(sink));
  }
  void Cancel() override { client_.Cancel(); }

 private:
  static HttpClientOptions Options() {
    HttpClientOptions options;
    options.max_body_bytes = kMaxListBytes;
    return options;
  }
  HttpClient client_;
};

// The targets are what values are fetched through.
Result<OriginFactory> MakeThroughCaches(const RunSpec& spec, const Materials& materials,
                                        const Guard& guard) {
  const auto& policy = spec.policy;
  STOKER_TRY(Addresses addresses, ParseAddresses(policy));
  std::vector<ThroughCacheOptions> caches;
  for (std::size_t i = 0; i < policy.targets.size(); ++i) {
    auto cache = ToThroughCache(*policy.targets[i].http, std::move(addresses.origins[i]), materials,
                                static_cast<int>(policy.pacing.max_in_flight));
    if (!cache) return Nest(fmt::format("spec.targets[{}].http", i), cache.error());
    caches.push_back(std::move(*cache));
  }
  return OriginFactory([guard, caches = std::move(caches)](asio::io_context& loop) {
    return std::make_unique<ThroughCaches>(loop, guard, caches);
  });
}

Result<OriginFactory> MakeOrigins(const RunSpec& spec, const Materials& materials,
                                  const Guard& guard, std::int64_t value_bytes) {
  const auto& policy = spec.policy;
  STOKER_TRY(Addresses addresses, ParseAddresses(policy));
  const OriginSurroundings surroundings{materials, guard, std::make_shared<ByteBudget>(value_bytes),
                                        static_cast<int>(policy.pacing.max_in_flight),
                                        static_cast<std::size_t>(policy.execution.batch_size)};
  std::vector<OriginFactory> factories;
  for (std::size_t i = 0; i < policy.origins.size(); ++i) {
    auto origin =
        MakeOriginFactory(policy.origins[i], std::move(addresses.origins[i]), surroundings);
    if (!origin) return Nest(fmt::format("spec.origins[{}]", i), origin.error());
    factories.push_back(std::move(*origin));
  }
  if (factories.size() == 1) return std::move(factories.front());
  return OriginFactory(
      [factories = std::move(factories), limit = policy.retry.limit](asio::io_context& loop) {
        std::vector<std::unique_ptr<Origin>> origins;
        for (const OriginFactory& make : factories) origins.push_back(make(loop));
        return std::make_unique<OriginChain>(std::move(origins), limit);
      });
}

}  // namespace

Result<RunParts> MakeRunParts(const RunSpec& spec, const Materials& materials,
                              const RunOptions& options) {
  const auto& policy = spec.policy;
  STOKER_TRY(auto rules, EgressGuard::Make(options.egress.guarded, options.egress.denied,
                                           options.egress.allowed));
  const Guard guard = std::make_shared<const EgressGuard>(std::move(rules));

  RunParts parts;
  parts.egress = guard;
  if (FetchesThroughTargets(policy)) {
    STOKER_TRY(parts.origin, MakeThroughCaches(spec, materials, guard));
  } else if (!policy.origins.empty()) {
    STOKER_TRY(parts.origin, MakeOrigins(spec, materials, guard, options.value_bytes));
  }
  parts.documents = [guard](asio::io_context& loop) {
    return std::make_unique<HttpDocuments>(loop, guard);
  };
  for (std::size_t i = 0; i < policy.targets.size(); ++i) {
    auto target = MakeTargetFactory(policy.targets[i], materials, guard);
    if (!target) return Nest(fmt::format("spec.targets[{}]", i), target.error());
    parts.targets.push_back(std::move(*target));
  }
  return parts;
}

}  // namespace stoker::warming
