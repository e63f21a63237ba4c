#include "controller/warming/plan/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "controller/warming/plan/shard.h"

namespace stoker::warming {
namespace {

constexpr int kPlannerYieldEvery = 16;  // chunks
// As few as the least that a loop has at hand.
constexpr std::int64_t kLeastOrderedBatch = 16;

}  // namespace

std::size_t BatchSizeOf(const api::WarmingPolicySpec& policy, const Shard& shard) {
  const std::int64_t size = policy.execution.batch_size;
  if (policy.strategy.type == api::Strategy::Type::kBulk ||
      std::ranges::all_of(policy.sources, CarriesValues)) {
    return static_cast<std::size_t>(size);
  }
  const std::int64_t in_flight = ShareOf(policy.pacing.max_in_flight, shard.index, shard.count);
  return static_cast<std::size_t>(std::min(size, std::max(in_flight, kLeastOrderedBatch)));
}

Planner::Planner(std::vector<FilteredSource> sources, const PlannerOptions& options)
    : sources_(std::move(sources)),
      shard_(options.shard),
      batch_size_(options.batch_size),
      columns_(options.columns),
      most_keys_(options.most_keys),
      only_(options.only),
      ranking_(options.strategy),
      by_md5_(std::ranges::any_of(sources_, &FilteredSource::sharded)),
      whole_(options.strategy.top.has_value()),
      distinct_(sources_.size() == 1 && sources_.front().Distinct()) {
  const api::Strategy& strategy = options.strategy;
  if (strategy.type != api::Strategy::Type::kBulk) {
    SelectionOptions select;
    if (strategy.top) select.top = static_cast<std::size_t>(*strategy.top);
    select.columns = columns_;
    select.by_score = strategy.type == api::Strategy::Type::kSelective;
    selection_ = std::make_unique<Selection>(select);
  }
  keyset_ = !selection_ && std::all_of(sources_.begin(), sources_.end(), [](const auto& source) {
    return source.replay() == Replay::kKeyset;
  });
}

Replay Planner::replay() const {
  const bool all = std::all_of(sources_.begin(), sources_.end(), [](const FilteredSource& source) {
    return source.replay() == Replay::kReplayable;
  });
  if (all) return Replay::kReplayable;
  return keyset_ ? Replay::kKeyset : Replay::kUnstable;
}

nlohmann::json Planner::Position() const {
  if (!keyset_) return nullptr;
  if (source_ == sources_.size()) return {{"source", source_}};
  return {{"source", source_}, {"position", sources_[source_].Position()}};
}

Status Planner::ResumeAt(const nlohmann::json& position) {
  const auto damaged = Invalid("the checkpoint's cursor is damaged; start without it");
  const auto source = position.find("source");
  if (source == position.end() || !source->is_number_integer()) return damaged;
  const auto at = source->get<std::size_t>();  // a negative one is too large
  if (at > sources_.size()) return damaged;
  if (at < sources_.size()) {
    if (!position.contains("position")) return damaged;
    STOKER_CHECK(sources_[at].ResumeAt(position.at("position")));
  }
  source_ = at;
  return {};
}

void Planner::Cancel() {
  cancelled_ = true;
  for (FilteredSource& source : sources_) source.Cancel();
}

bool Planner::Wanted(const Entry& entry) const {
  return only_ == nullptr || only_->Contains(entry.hash);
}

bool Planner::Mine(const EntryChunk& chunk, const Entry& entry) const {
  if (shard_.count <= 1) return true;
  if (by_md5_ && sources_[entry.source].sharded()) return true;
  const std::uint64_t hash = by_md5_ ? std::uint64_t{Md5Head(chunk.Key(entry))} << 32 : entry.hash;
  return ShardOf(hash, shard_.count) == shard_.index;
}

bool Planner::IsFirst(const Entry& entry) {
  if (entry.defect != EntryDefect::kNone) return true;
  const bool first = distinct_ || seen_.Insert(entry.hash);
  listed_ += first ? 1 : 0;
  return first;
}

asio::awaitable<Result<bool>> Planner::NextChunk(EntryChunk& chunk) {
  chunk.Clear();
  while (chunk.entries.empty()) {
    if (source_ == sources_.size()) co_return false;
    if (++chunks_ % kPlannerYieldEvery == 0) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
    if (cancelled_) co_return Cancelled("reading was cancelled");
    if (most_keys_ > 0 && listed_ > most_keys_) {
      co_return Error{Code::kExhausted,
                      fmt::format("spec.sources list more than {} keys, the most that a run in the "
                                  "controller takes on; set spec.execution.mode to Pods",
                                  most_keys_)};
    }
    const auto more = co_await sources_[source_].Next(chunk);
    if (!more) co_return more.error();
    if (!*more) ++source_;
  }
  co_return true;
}

asio::awaitable<Result<bool>> Planner::ReadBatch(EntryChunk& batch) {
  batch.want_entries = batch_size_;
  batch.want_bytes = kMaxBatchText;
  batch.text.reserve(usual_text_);
  auto more = co_await NextChunk(batch);
  if (!more || !*more) co_return more;
  usual_text_ = std::min(batch.text.size(), kMaxBatchText);
  if (batch.entries.size() > batch_size_) {  // more than asked for: it is cut up
    std::swap(batch, chunk_);
    batch.Clear();
    at_ = 0;
  } else {
    Keep(batch);
  }
  co_return true;
}

// What a set of millions of hashes says is a miss of every cache, unless it is asked for ahead.
void Planner::Keep(EntryChunk& batch) {
  constexpr std::size_t kAhead = 8;
  std::vector<Entry>& entries = batch.entries;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!distinct_ && i + kAhead < entries.size()) seen_.Prefetch(entries[i + kAhead].hash);
    const Entry& entry = entries[i];
    if (Wanted(entry) && Mine(batch, entry) && IsFirst(entry)) entries[kept++] = entry;
  }
  entries.resize(kept);
  if (kept == 0) batch.Clear();  // what was left out fills no batch
}

asio::awaitable<Status> Planner::Select() {
  selected_ = true;
  while (true) {
    const auto more = co_await NextChunk(chunk_);
    if (!more) co_return more.error();
    if (!*more) break;
    for (const Entry& entry : chunk_.entries) {
      if (!Wanted(entry) || (!whole_ && !Mine(chunk_, entry)) || !IsFirst(entry)) continue;
      const Status offered = selection_->Offer(chunk_, entry, ranking_.Of(chunk_, entry, columns_));
      if (!offered) co_return offered;
    }
  }
  seen_ = KeySet();
  selection_->Finish();
  co_return Status{};
}

asio::awaitable<Status> Planner::NextBatch(EntryChunk& batch) {
  batch.Clear();
  if (selection_ && !selected_) {
    const Status done = co_await Select();
    if (!done) co_return done.error();
    chunk_.Clear();
    at_ = 0;
  } else if (!selection_ && at_ == chunk_.entries.size()) {
    const auto read = co_await ReadBatch(batch);
    if (!read) co_return read.error();
    if (!*read || batch.entries.size() * 2 >= batch_size_) co_return Status{};
  }
  const auto full = [&] {
    return batch.entries.size() >= batch_size_ || batch.text.size() >= kMaxBatchText;
  };
  while (!full()) {
    if (at_ == chunk_.entries.size()) {
      bool more = false;
      if (selection_) {
        chunk_.Clear();
        at_ = 0;
        selection_->Take(chunk_, kChunkEntries);
        more = !chunk_.entries.empty();
      } else {
        chunk_.want_entries = batch_size_ - batch.entries.size();
        chunk_.want_bytes = kMaxBatchText - batch.text.size();
        at_ = 0;
        const auto next = co_await NextChunk(chunk_);
        if (!next) co_return next.error();
        more = *next;
      }
      if (!more) break;
    }
    for (; at_ < chunk_.entries.size() && !full(); ++at_) {
      const Entry& entry = chunk_.entries[at_];
      if (!Wanted(entry) || !Mine(chunk_, entry)) continue;
      if (!selection_ && !IsFirst(entry)) continue;
      batch.AppendFrom(chunk_, entry, columns_);
    }
  }
  co_return Status{};
}

}  // namespace stoker::warming
