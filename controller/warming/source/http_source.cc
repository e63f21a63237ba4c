#include "controller/warming/source/http_source.h"

#include <fmt/format.h>

#include "controller/warming/source/json_source.h"
#include "controller/warming/source/line_source.h"
#include "controller/warming/source/sitemap.h"

namespace stoker::warming {
namespace {

class HttpLinesSource final : public Source {
 public:
  HttpLinesSource(std::string url, LineOptions options, SourceFetcher& fetcher)
      : url_(std::move(url)), options_(std::move(options)), fetcher_(fetcher) {}

  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override {
    if (!lines_) {
      auto list = co_await DownloadList(url_, fetcher_);
      if (!list) co_return list.error();
      lines_ = std::make_unique<LineSource>(std::move(*list), std::move(options_));
    }
    auto more = lines_->Pull(chunk);
    if (!more) co_return Annotate(WithoutQuery(url_), more.error());
    co_return more;
  }
  [[nodiscard]] Replay replay() const override { return Replay::kUnstable; }

 private:
  std::string url_;
  LineOptions options_;
  SourceFetcher& fetcher_;
  std::unique_ptr<LineSource> lines_;
};

}  // namespace

asio::awaitable<Result<std::unique_ptr<ByteReader>>> DownloadList(const std::string& url,
                                                                  SourceFetcher& fetcher) {
  Spool spool(kMaxSpoolBytes);
  bool full = false;
  const Status done = co_await fetcher.Download(
      url, kMaxListBytes, [&] { spool.Restart(); },
      [&](std::string_view piece) { return !(full = !spool.Append(piece)); });
  if (full) {
    co_return Error{
        Code::kExhausted,
        fmt::format("{}: the list is larger than {} MiB compressed; split it into several sources",
                    WithoutQuery(url), kMaxSpoolBytes >> 20)};
  }
  if (!done) co_return done.error();
  spool.Finish();
  co_return spool.TakeReader(kMaxListBytes);
}

const std::vector<std::string>& SitemapVariables() {
  static const std::vector<std::string> kNames = {"key", "url", "path"};
  return kNames;
}

Result<std::unique_ptr<Source>> MakeHttpSource(const api::HttpSource& spec,
                                               const std::vector<std::string>& columns,
                                               SourceFetcher& fetcher) {
  STOKER_CHECK(ParseUrl(spec.url));
  if (spec.format == api::HttpSource::Format::kSitemap)
    return MakeSitemapSource(spec, columns, fetcher);
  if (spec.format == api::HttpSource::Format::kJson) return MakeJsonSource(spec, columns, fetcher);
  if (!columns.empty()) {
    return Invalid(fmt::format("a list of lines has no variable \"{}\"", columns.front()));
  }
  const std::vector<std::string> known = {"key"};
  LineOptions options{.scores = true, .key_template = {}};
  STOKER_TRY(options.key_template, Template::Parse(spec.key_template, Template::Kind::kKey, known));
  return std::unique_ptr<Source>(new HttpLinesSource(spec.url, std::move(options), fetcher));
}

}  // namespace stoker::warming
