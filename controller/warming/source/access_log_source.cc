#include "controller/warming/source/access_log_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <fstream>
#include <utility>

#include "controller/warming/source/access_log.h"
#include "controller/warming/source/byte_reader.h"
#include "controller/warming/source/config_map.h"
#include "controller/warming/source/entry_fields.h"
#include "controller/warming/source/http_source.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kMaxLogLine = 64 << 10;
constexpr std::uint64_t kMaxLogBytes = std::uint64_t{64} << 30;  // inflated
constexpr std::size_t kPieceOfFile = 256 << 10;

class FileReader final : public ByteReader {
 public:
  explicit FileReader(const std::string& path) : path_(path), file_(path, std::ios::binary) {}
  [[nodiscard]] bool Opened() const { return file_.is_open(); }
  Result<std::string_view> Read() override {
    buffer_.resize(kPieceOfFile);
    file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    if (file_.bad()) return Unavailable(path_ + " cannot be read");
    return std::string_view(buffer_).substr(0, static_cast<std::size_t>(file_.gcount()));
  }

 private:
  const std::string path_;
  std::ifstream file_;
  std::string buffer_;
};

class AccessLogEntries final : public LocalSource {
 public:
  AccessLogEntries(api::AccessLogSource spec, Template key, std::vector<std::size_t> columns,
                   Replay replay)
      : spec_(std::move(spec)),
        key_(std::move(key)),
        columns_(std::move(columns)),
        replay_(replay),
        frequencies_(static_cast<std::size_t>(spec_.max_keys)) {}

  void ReadFrom(std::unique_ptr<ByteReader> reader) { reader_ = std::move(reader); }
  [[nodiscard]] bool HasReader() const { return reader_ != nullptr || counted_; }

  // Lets others have the loop between the pieces of a long log.
  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override {
    while (!counted_) {
      const Status read = ReadPiece();
      if (!read) co_return read.error();
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
    co_return Pull(chunk);
  }
  Result<bool> Pull(EntryChunk& chunk) override {
    while (!counted_) STOKER_CHECK(ReadPiece());
    for (; at_ < counts_.size() && !chunk.Full(); ++at_) {
      const std::string& path = counts_[at_].text;
      const std::string_view values[] = {path, path};  // {key} is the path where nothing is said
      AppendKey(key_, values, static_cast<double>(counts_[at_].count), chunk);
      for (const std::size_t column : columns_) chunk.AppendColumn(values[column]);
    }
    return at_ < counts_.size();
  }
  [[nodiscard]] Replay replay() const override { return replay_; }

 private:
  Status ReadPiece() {
    STOKER_TRY(std::string_view piece, reader_->Read());
    if (piece.empty()) return Finish();
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      const std::string_view part = piece.substr(0, end);
      piece.remove_prefix(end == std::string_view::npos ? piece.size() : end + 1);
      if (carry_.size() + part.size() > kMaxLogLine) too_long_ = true;
      if (!too_long_) carry_.append(part);
      if (end != std::string_view::npos) TakeLine();
    }
    return {};
  }

  Status Finish() {
    TakeLine();
    counted_ = true;
    reader_.reset();
    if (readable_ == 0 && lines_ > 0) {
      return Invalid(fmt::format(
          "accessLog.format: none of the log's {} lines is in format {}; correct the format{}",
          lines_, spec_.json ? "JSON" : "Combined",
          spec_.json ? ", or where lines have their fields" : ""));
    }
    counts_ = frequencies_.Take();
    return {};
  }

  void TakeLine() {
    const bool too_long = std::exchange(too_long_, false);
    std::string_view line = carry_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (too_long || !line.empty()) {
      ++lines_;
      if (!too_long) CountRequest(line);
    }
    carry_.clear();
  }

  void CountRequest(std::string_view line) {
    auto parsed = spec_.json ? ParseJsonLine(line, spec_.json_log) : ParseCombinedLine(line);
    if (!parsed) return;
    ++readable_;
    const auto is_wanted = [&](const std::string& s) { return StatusMatches(s, parsed->status); };
    if (std::find(spec_.methods.begin(), spec_.methods.end(), parsed->method) ==
            spec_.methods.end() ||
        std::none_of(spec_.statuses.begin(), spec_.statuses.end(), is_wanted)) {
      return;
    }
    std::string_view path = parsed->path;
    if (spec_.ignore_query) path = path.substr(0, path.find('?'));
    if (path.size() <= kMaxLogPath) frequencies_.Add(path);
  }

  const api::AccessLogSource spec_;
  const Template key_;
  const std::vector<std::size_t> columns_;
  const Replay replay_;
  std::unique_ptr<ByteReader> reader_;
  std::string carry_;
  bool too_long_ = false;
  std::int64_t lines_ = 0, readable_ = 0;
  Frequencies frequencies_;
  bool counted_ = false;
  std::vector<Frequencies::Counted> counts_;
  std::size_t at_ = 0;
};

// A log that a server has: downloaded whole, as lists are.
class RemoteAccessLog final : public Source {
 public:
  RemoteAccessLog(std::string url, std::unique_ptr<AccessLogEntries> entries,
                  SourceFetcher& fetcher)
      : url_(std::move(url)), entries_(std::move(entries)), fetcher_(fetcher) {}
  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override {
    if (!entries_->HasReader()) {
      auto log = co_await DownloadList(url_, fetcher_);
      if (!log) co_return log.error();
      entries_->ReadFrom(std::move(*log));
    }
    auto more = co_await entries_->Next(chunk);
    if (!more) co_return Annotate(WithoutQuery(url_), more.error());
    co_return more;
  }
  [[nodiscard]] Replay replay() const override { return Replay::kUnstable; }

 private:
  const std::string url_;
  std::unique_ptr<AccessLogEntries> entries_;
  SourceFetcher& fetcher_;
};

Result<std::unique_ptr<ByteReader>> OpenLocal(const api::AccessLogSource& spec,
                                              const Materials& materials, const SourceHost& host) {
  if (spec.config_map_ref) {
    return OpenConfigMap("accessLog", *spec.config_map_ref, materials);
  }
  if (!host.local_files) {
    return Invalid(
        "path: files are read by `stoker run` alone; on a cluster, use url or configMapRef");
  }
  auto file = std::make_unique<FileReader>(spec.path);
  if (!file->Opened()) return NotFound(fmt::format("path: {} cannot be opened", spec.path));
  return ReadMaybeGzip(std::move(file), kMaxLogBytes);
}

}  // namespace

const std::vector<std::string>& AccessLogVariables() {
  static const std::vector<std::string> kNames = {"key", "path"};
  return kNames;
}

Result<std::unique_ptr<Source>> MakeAccessLogSource(const api::AccessLogSource& spec,
                                                    const std::vector<std::string>& columns,
                                                    const Materials& materials,
                                                    const SourceHost& host) {
  const auto& known = AccessLogVariables();
  auto key = Template::Parse(spec.key_template, Template::Kind::kKey, known);
  if (!key) return Annotate("keyTemplate", key.error());
  std::vector<std::size_t> places;
  for (const std::string& column : columns) {
    const auto place = std::find(known.begin(), known.end(), column);
    if (place == known.end())
      return Invalid(fmt::format("an access log has no variable \"{}\"", column));
    places.push_back(static_cast<std::size_t>(place - known.begin()));
  }
  const Replay replay = spec.config_map_ref ? Replay::kReplayable : Replay::kUnstable;
  auto entries =
      std::make_unique<AccessLogEntries>(spec, std::move(*key), std::move(places), replay);
  if (!spec.url.empty()) {
    if (host.fetcher == nullptr) return Invalid("url: cannot be read without fetching it");
    if (const auto url = ParseUrl(spec.url); !url) return Annotate("url", url.error());
    return std::unique_ptr<Source>(
        new RemoteAccessLog(spec.url, std::move(entries), *host.fetcher));
  }
  STOKER_TRY(auto reader, OpenLocal(spec, materials, host));
  entries->ReadFrom(std::move(reader));
  return std::unique_ptr<Source>(std::move(entries));
}

}  // namespace stoker::warming
