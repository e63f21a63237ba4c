#include "controller/warming/source/make_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "controller/warming/source/access_log_source.h"
#include "controller/warming/source/config_map.h"
#include "controller/warming/source/glob.h"
#include "controller/warming/source/http_source.h"
#include "controller/warming/source/line_source.h"
#include "controller/warming/source/pattern_source.h"
#include "controller/warming/source/redis_source.h"
#include "controller/warming/source/sql_source.h"

namespace stoker::warming {
namespace {

Result<std::unique_ptr<Source>> MakeStaticSource(const api::StaticSource& spec,
                                                 const Materials& materials) {
  if (!spec.config_map_ref) return std::unique_ptr<Source>(MakeKeyListSource(spec.keys));
  STOKER_TRY(auto reader, OpenConfigMap("static", *spec.config_map_ref, materials));
  return std::unique_ptr<Source>(std::make_unique<LineSource>(std::move(reader), LineOptions()));
}

}  // namespace

std::vector<std::string> VariablesOf(const api::Source& source) {
  if (source.http && source.http->format == api::HttpSource::Format::kSitemap)
    return SitemapVariables();
  if (source.access_log) return AccessLogVariables();
  std::vector<std::string> names = {"key"};
  if (source.pattern) {
    for (const auto& variable : source.pattern->variables) names.push_back(variable.name);
  }
  return names;
}

bool HasOpenVariables(const api::Source& source) {
  return source.sql || (source.http && source.http->format == api::HttpSource::Format::kJson);
}

bool CarriesValues(const api::Source& source) {
  return (source.sql && !source.sql->value_column.empty()) ||
         (source.pattern && !source.pattern->value.empty()) ||
         (source.http && !source.http->value_pointer.empty()) || source.redis;
}

bool IsLocal(const api::Source& source) {
  return source.static_ || source.pattern ||
         (source.access_log && source.access_log->config_map_ref);
}

Result<std::unique_ptr<Source>> MakeSource(const api::Source& spec,
                                           const std::vector<std::string>& columns,
                                           const Materials& materials, const SourceHost& host) {
  if (spec.redis) {
    auto source = MakeRedisSource(*spec.redis, columns, materials, host);
    if (!source) return Nest("redis", source.error());
    return source;
  }
  if (spec.access_log) {
    auto source = MakeAccessLogSource(*spec.access_log, columns, materials, host);
    if (!source) return Nest("accessLog", source.error());
    return source;
  }
  if (spec.sql) {
    auto source = MakeSqlSource(*spec.sql, columns, materials, host);
    if (!source) return Nest("sql", source.error());
    return source;
  }
  if (spec.pattern) {
    auto source = MakePatternSource(*spec.pattern, columns);
    if (!source) return Annotate("pattern", source.error());
    return std::unique_ptr<Source>(std::move(*source));
  }
  if (spec.http) {
    if (host.fetcher == nullptr) return Invalid("http: cannot be read without fetching it");
    auto source = MakeHttpSource(*spec.http, columns, *host.fetcher);
    if (!source) return Annotate("http", source.error());
    return source;
  }
  if (!spec.static_) {
    return Invalid("one of static, pattern, http, sql, accessLog and redis is needed");
  }
  auto source = MakeStaticSource(*spec.static_, materials);
  if (!source) return Nest("static", source.error());
  return source;
}

FilteredSource::FilteredSource(const api::Source& spec, std::uint16_t number,
                               std::unique_ptr<Source> source)
    : name_(spec.name),
      number_(number),
      weight_(spec.weight),
      left_(spec.limit.value_or(std::numeric_limits<std::int64_t>::max())),
      include_(spec.include),
      exclude_(spec.exclude),
      key_pattern_(spec.key_pattern.empty() ? nullptr
                                            : std::make_unique<RE2>(spec.key_pattern, RE2::Quiet)),
      source_(std::move(source)) {}

asio::awaitable<Result<bool>> FilteredSource::Next(EntryChunk& chunk) {
  chunk.Clear();
  auto more = co_await source_->Next(chunk);
  if (!more) co_return Annotate(fmt::format("source \"{}\"", name_), more.error());
  const bool room = Filter(chunk);
  co_return *more&& room;
}

nlohmann::json FilteredSource::Position() const {
  return {{"left", left_}, {"at", source_->Position()}};
}

Status FilteredSource::ResumeAt(const nlohmann::json& position) {
  if (!position.is_object() || !position.contains("at") ||
      !position.value("left", nlohmann::json()).is_number_integer()) {
    return Invalid("the checkpoint's cursor is damaged; start without it");
  }
  left_ = position.at("left").get<std::int64_t>();
  return source_->ResumeAt(position.at("at"));
}

bool FilteredSource::Wanted(std::string_view key) const {
  const auto matches = [&](const std::string& glob) { return GlobMatches(glob, key); };
  if (!include_.empty() && std::none_of(include_.begin(), include_.end(), matches)) return false;
  return std::none_of(exclude_.begin(), exclude_.end(), matches);
}

bool FilteredSource::Filter(EntryChunk& chunk) {
  const bool globs = !include_.empty() || !exclude_.empty();
  std::size_t kept = 0;
  for (Entry& entry : chunk.entries) {
    if (left_ == 0) break;
    if (globs && !Wanted(chunk.Key(entry))) continue;
    if (entry.key_size > kMaxKeyBytes) entry.defect = EntryDefect::kKeyTooLong;
    if (key_pattern_ && entry.defect == EntryDefect::kNone &&
        !RE2::PartialMatch(chunk.Key(entry), *key_pattern_)) {
      entry.defect = EntryDefect::kKeyMismatch;
    }
    entry.source = number_;
    entry.score *= weight_;
    if (!std::isfinite(entry.score)) {  // it could not be compared with others
      entry.score = 0;
      entry.defect = EntryDefect::kBadScore;
    }
    --left_;
    chunk.entries[kept++] = entry;
  }
  chunk.entries.resize(kept);
  return left_ > 0;
}

}  // namespace stoker::warming
