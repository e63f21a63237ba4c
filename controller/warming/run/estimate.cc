// What a run would do, without touching origin or target: `stoker plan`, and the choice of where to
// run.
#include "controller/warming/run/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "controller/warming/plan/key_set.h"
#include "controller/warming/plan/shard.h"
#include "controller/warming/run/addresses.h"
#include "controller/warming/source/glob.h"
#include "controller/warming/source/make_source.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kSamples = 5;
// Where values come with the source and no rate bounds them: less than a small Redis takes.
constexpr std::int64_t kWritesPerSecond = 50'000;
constexpr std::int64_t kReadForSamples = 10'000;  // of a source that is not counted

// Reads at most `budget` entries, counted down, of a source that needs no network; `on_entry` gets
// each that passes the filters. False: there were more.
template <class OnEntry>
Result<bool> ReadLocal(const api::Source& spec, std::uint16_t number,
                       std::unique_ptr<Source> source, std::int64_t& budget,
                       const OnEntry& on_entry) {
  FilteredSource filtered(spec, number, nullptr);
  auto* local = static_cast<LocalSource*>(source.get());
  EntryChunk chunk;
  for (bool more = true; more;) {
    chunk.Clear();
    STOKER_TRY(more, local->Pull(chunk));
    budget -= static_cast<std::int64_t>(chunk.entries.size());
    const bool room = filtered.Filter(chunk);
    for (const Entry& entry : chunk.entries) on_entry(chunk, entry);
    if (!room) break;
    if (budget < 0) return false;
  }
  return true;
}

// How many of `whole` entries are read: with filters a limit may come late.
std::int64_t ReadOf(const api::Source& spec, std::int64_t whole) {
  if (!spec.include.empty() || !spec.exclude.empty()) return whole;
  return std::min(whole, spec.limit.value_or(whole));
}

class Estimator {
 public:
  Estimator(const RunSpec& spec, const Materials& materials, Addresses addresses,
            std::int64_t budget)
      : spec_(spec), materials_(materials), addresses_(std::move(addresses)), budget_(budget) {}

  Result<PlanEstimate> Run(std::int64_t assumed_value_bytes) {
    for (std::size_t i = 0; i < spec_.policy.sources.size(); ++i) {
      const Status counted = AddSource(i);
      if (!counted) return Nest(fmt::format("spec.sources[{}]", i), counted.error());
    }
    Sum();
    if (plan_.entries) {
      plan_.bytes = *plan_.entries * assumed_value_bytes;
      const auto rate = addresses_.origins.empty()
                            ? kWritesPerSecond
                            : std::max<std::int64_t>(spec_.policy.pacing.requests_per_second, 1);
      plan_.duration = Millis(static_cast<std::int64_t>(static_cast<double>(*plan_.entries) /
                                                        static_cast<double>(rate) * 1000));
    }
    return std::move(plan_);
  }

 private:
  Status AddSource(std::size_t i) {
    const api::Source& spec = spec_.policy.sources[i];
    if (spec.http) {
      if (const auto url = ParseUrl(spec.http->url); !url) return Annotate("http.url", url.error());
    }
    if (!IsLocal(spec)) {
      // Nobody knows before it is read; what it may yield at most is a guess worth having.
      auto most = spec.limit;
      if (spec.sql && spec.sql->max_rows)
        most = std::min(most.value_or(*spec.sql->max_rows), *spec.sql->max_rows);
      counted_all_ = false;
      plan_.by_source.emplace_back(spec.name, most);
      return {};
    }
    STOKER_TRY(auto source, MakeSource(spec, addresses_.columns, materials_, {}));
    const auto whole = static_cast<LocalSource*>(source.get())->Count();
    const auto number = static_cast<std::uint16_t>(i);
    if (whole && ReadOf(spec, *whole) > budget_) return AddHuge(number, std::move(source), *whole);
    std::int64_t count = 0;
    const std::int64_t before = budget_;
    STOKER_TRY(const bool all, ReadLocal(spec, number, std::move(source), budget_,
                                         [&](const EntryChunk& chunk, const Entry& entry) {
                                           TakeSample(chunk, entry);
                                           if (seen_.Insert(entry.hash)) ++count;
                                         }));
    plan_.by_source.emplace_back(spec.name, all ? std::optional(count) : std::nullopt);
    read_.push_back(all ? std::optional(whole ? ReadOf(spec, *whole) : before - budget_)
                        : std::nullopt);
    return {};
  }

  // Too much to count: a look at its beginning, and what its size says.
  Status AddHuge(std::uint16_t number, std::unique_ptr<Source> source, std::int64_t whole) {
    const api::Source& spec = spec_.policy.sources[number];
    counted_all_ = false;
    std::int64_t look = std::min(budget_, kReadForSamples);
    const auto looked =
        ReadLocal(spec, number, std::move(source), look,
                  [&](const EntryChunk& chunk, const Entry& entry) { TakeSample(chunk, entry); });
    if (!looked) return looked.error();
    plan_.by_source.emplace_back(spec.name, std::min(whole, spec.limit.value_or(whole)));
    read_.emplace_back(ReadOf(spec, whole));
    return {};
  }

  void TakeSample(const EntryChunk& chunk, const Entry& entry) {
    if (plan_.sample_keys.size() >= kSamples || entry.defect != EntryDefect::kNone) return;
    std::vector<std::string_view> values = {chunk.Key(entry)};
    for (std::size_t i = 0; i < addresses_.columns.size(); ++i)
      values.push_back(chunk.Column(entry, i));
    plan_.sample_keys.emplace_back(chunk.Key(entry));
    if (addresses_.origins.empty() || entry.carries_value) return;
    addresses_.origins.front().Render(values, plan_.sample_urls.emplace_back());
  }

  void Sum() {
    if (read_.size() == spec_.policy.sources.size() &&
        std::all_of(read_.begin(), read_.end(),
                    [](const auto& read) { return read.has_value(); })) {
      plan_.read = 0;
      for (const auto& read : read_) *plan_.read += *read;
    }
    std::int64_t sum = 0;
    for (const auto& [name, count] : plan_.by_source) {
      if (!count && !spec_.policy.strategy.top) return;
      sum += count.value_or(std::numeric_limits<std::int32_t>::max());  // then the best N bound it
    }
    sum = std::min(sum, spec_.policy.strategy.top.value_or(sum));
    if (spec_.shard.count > 1) sum /= spec_.shard.count;
    plan_.entries = sum;
    plan_.exact = counted_all_ && spec_.shard.count <= 1;
  }

  const RunSpec& spec_;
  const Materials& materials_;
  const Addresses addresses_;
  PlanEstimate plan_;
  KeySet seen_;
  std::int64_t budget_;
  std::vector<std::optional<std::int64_t>> read_;  // of each source that is at hand
  bool counted_all_ = true;
};

}  // namespace

Result<PlanEstimate> EstimatePlan(const RunSpec& spec, const Materials& materials,
                                  std::int64_t assumed_value_bytes, std::int64_t most_read) {
  if (spec.policy.sources.empty()) return Invalid("spec: a plan needs at least one source");
  STOKER_TRY(Addresses addresses, ParseAddresses(spec.policy));
  return Estimator(spec, materials, std::move(addresses), most_read).Run(assumed_value_bytes);
}

}  // namespace stoker::warming
