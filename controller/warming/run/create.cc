// From a policy to a run that is ready to start: all that can be checked without touching the
// network.
#include <fmt/format.h>

#include <algorithm>

#include "controller/warming/run/addresses.h"
#include "controller/warming/run/run_impl.h"
#include "controller/warming/run/tiers.h"
#include "controller/warming/source/make_source.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kMaxOrigins = 4;

Status CheckHttpTargets(const api::WarmingPolicySpec& policy) {
  if (!FetchesThroughTargets(policy)) return {};
  const bool alone = policy.origins.empty() && policy.verification_sample_percent == 0 &&
                     std::ranges::all_of(policy.targets, IsHttpTarget) &&
                     std::ranges::none_of(policy.sources, CarriesValues);
  if (alone) return {};
  return Invalid(
      "spec.targets: HTTP caches fetch by themselves, so with them there are no targets of another "
      "kind, no origins, no verification and no sources that bring values; split the policy");
}

Status CheckSpec(const RunSpec& spec) {
  const auto& policy = spec.policy;
  if (policy.sources.empty()) return Invalid("spec.sources: a run needs at least one source");
  STOKER_CHECK(CheckHttpTargets(policy));
  if (policy.origins.empty() && !FetchesThroughTargets(policy) &&
      !std::all_of(policy.sources.begin(), policy.sources.end(), CarriesValues)) {
    return Invalid("spec.origins: a run needs an origin, unless every source carries its values");
  }
  if (policy.origins.size() > kMaxOrigins) {
    return Invalid(fmt::format("spec.origins: a run has at most {} origins", kMaxOrigins));
  }
  if (policy.targets.empty() || policy.targets.size() > kMaxTargets) {
    return Invalid(fmt::format("spec.targets: a run needs 1 to {} targets", kMaxTargets));
  }
  STOKER_CHECK(Tiers::Check(policy.targets));
  const Shard shard = spec.shard;
  if (shard.count < 1 || shard.index < 0 || shard.index >= shard.count) {
    return Invalid(fmt::format("shard {} of {} does not exist", shard.index, shard.count));
  }
  const auto& pacing = policy.pacing;
  if (std::min({pacing.requests_per_second, pacing.burst, pacing.max_in_flight}) < shard.count) {
    return Invalid(fmt::format(
        "spec.pacing: requestsPerSecond, burst and maxInFlight must each be at least {}, "
        "the number of shards, since every shard needs a share",
        shard.count));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Run>> CreateRun(RunSpec spec, std::shared_ptr<const Materials> materials,
                                       RunOptions options, RunParts parts) {
  STOKER_CHECK(CheckSpec(spec));
  STOKER_TRY(Addresses addresses, ParseAddresses(spec.policy));
  auto run = std::make_unique<RunImpl>(std::move(spec), std::move(options), std::move(parts),
                                       std::move(addresses.columns));
  STOKER_CHECK(run->Prepare(*materials));
  return std::unique_ptr<Run>(std::move(run));
}

Result<std::unique_ptr<Run>> Run::Create(RunSpec spec, std::shared_ptr<const Materials> materials,
                                         RunOptions options) {
  STOKER_CHECK(CheckSpec(spec));
  STOKER_TRY(RunParts parts, MakeRunParts(spec, *materials, options));
  return CreateRun(std::move(spec), std::move(materials), std::move(options), std::move(parts));
}

}  // namespace stoker::warming
