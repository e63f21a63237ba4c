#include "controller/warming/source/sitemap.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <pugixml.hpp>
#include <unordered_set>

#include "controller/warming/source/byte_reader.h"
#include "controller/warming/source/entry_fields.h"
#include "controller/warming/source/http_source.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {
namespace {

// What a document in memory takes, some 64 bytes each, is bounded by them; 50,000 locations in 40
// languages have half as many.
constexpr std::int64_t kMaxSitemapParts = 4'000'000;

std::string_view LocalName(const char* name) {
  const std::string_view text(name);
  const std::size_t colon = text.find(':');
  return colon == std::string_view::npos ? text : text.substr(colon + 1);
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

SitemapItem ReadItem(const pugi::xml_node& node) {
  SitemapItem item;
  for (const pugi::xml_node child : node.children()) {
    const std::string_view name = LocalName(child.name());
    if (name == "loc") item.location = Trim(child.text().get());
    if (name == "priority") item.priority = ParseNumber(Trim(child.text().get())).value_or(0.5);
  }
  return item;
}

class SitemapSource final : public Source {
 public:
  SitemapSource(std::string url, Template key, std::vector<std::size_t> columns,
                SourceFetcher& fetcher)
      : key_(std::move(key)), columns_(std::move(columns)), fetcher_(fetcher) {
    seen_.insert(KeyHash(url));
    waiting_.push_front({std::move(url), 0});
  }

  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override {
    while (at_ == document_.items.size()) {
      if (waiting_.empty()) co_return false;
      const Status opened = co_await OpenNext();
      if (!opened) co_return opened.error();
    }
    while (at_ < document_.items.size() && !chunk.Full()) Append(document_.items[at_++], chunk);
    co_return at_ < document_.items.size() || !waiting_.empty();
  }
  [[nodiscard]] Replay replay() const override { return Replay::kUnstable; }

 private:
  struct Waiting {
    std::string url;
    int depth;
  };

  // Downloads one document; the children of an index go to the front of the queue, in their order.
  asio::awaitable<Status> OpenNext() {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    document_ = {};
    at_ = 0;
    std::string body;
    const Status done = co_await fetcher_.Download(
        next.url, kMaxSitemapBytes, [&] { body.clear(); },
        [&](std::string_view piece) {
          body.append(piece);
          return body.size() <= kMaxSitemapBytes;
        });
    if (!done) co_return done.error();
    auto parsed = ParseSitemap(std::move(body));
    if (!parsed) co_return Annotate(WithoutQuery(next.url), parsed.error());
    if (!parsed->index) {
      document_ = std::move(*parsed);
      co_return Status{};
    }
    if (next.depth >= kMaxSitemapDepth) {
      co_return Invalid(fmt::format("{}: sitemap indexes nest deeper than {}",
                                    WithoutQuery(next.url), kMaxSitemapDepth));
    }
    for (auto item = parsed->items.rbegin(); item != parsed->items.rend(); ++item) {
      if (auto enqueued = Enqueue(std::move(item->location), next.depth + 1); !enqueued) {
        co_return Annotate(WithoutQuery(next.url), enqueued.error());
      }
    }
    co_return Status{};
  }

  Status Enqueue(std::string url, int depth) {
    STOKER_CHECK(ParseUrl(url));
    if (!seen_.insert(KeyHash(url)).second) return {};
    if (seen_.size() > kMaxSitemaps) {
      return Error{Code::kExhausted,
                   fmt::format("the index leads to more than {} sitemaps", kMaxSitemaps)};
    }
    waiting_.push_front({std::move(url), depth});
    return {};
  }

  void Append(const SitemapItem& item, EntryChunk& chunk) {
    const auto url = ParseUrl(item.location);
    const std::string_view values[] = {item.location, item.location,
                                       url ? std::string_view(url->target) : std::string_view{}};
    Entry& entry = AppendKey(key_, values, item.priority, chunk);
    if (!url) entry.defect = EntryDefect::kBadUrl;
    for (const std::size_t column : columns_) chunk.AppendColumn(values[column]);
  }

  Template key_;
  std::vector<std::size_t> columns_;
  SourceFetcher& fetcher_;
  std::deque<Waiting> waiting_;
  std::unordered_set<std::uint64_t> seen_;
  SitemapDocument document_;
  std::size_t at_ = 0;
};

}  // namespace

Result<SitemapDocument> ParseSitemap(std::string body) {
  auto reader = ReadMaybeGzip(ReadString(std::move(body)), kMaxSitemapBytes);
  std::string text;
  while (true) {
    STOKER_TRY(const std::string_view piece, reader->Read());
    if (piece.empty()) break;
    text.append(piece);
  }
  const auto parts = std::ranges::count_if(text, [](const char c) { return c == '<' || c == '='; });
  if (parts > kMaxSitemapParts) {
    return Error{Code::kExhausted,
                 fmt::format("the sitemap has more than {} tags and attributes; split it",
                             kMaxSitemapParts)};
  }
  pugi::xml_document xml;
  const auto parsed = xml.load_buffer_inplace(text.data(), text.size());
  if (!parsed) {
    return Invalid(fmt::format("the sitemap is not well-formed XML: {} at byte {}",
                               parsed.description(), parsed.offset));
  }
  const pugi::xml_node root = xml.document_element();
  SitemapDocument document;
  document.index = LocalName(root.name()) == "sitemapindex";
  if (!document.index && LocalName(root.name()) != "urlset") {
    return Invalid(
        fmt::format("the document is no sitemap: its root is <{}>, not <urlset> or <sitemapindex>",
                    std::string_view(root.name()).substr(0, 64)));
  }
  const std::string_view wanted = document.index ? "sitemap" : "url";
  for (const pugi::xml_node node : root.children()) {
    if (LocalName(node.name()) == wanted) document.items.push_back(ReadItem(node));
  }
  return document;
}

Result<std::unique_ptr<Source>> MakeSitemapSource(const api::HttpSource& spec,
                                                  const std::vector<std::string>& columns,
                                                  SourceFetcher& fetcher) {
  const auto& known = SitemapVariables();
  STOKER_TRY(Template key, Template::Parse(spec.key_template, Template::Kind::kKey, known));
  std::vector<std::size_t> places;
  for (const std::string& column : columns) {
    const auto place = std::find(known.begin(), known.end(), column);
    if (place == known.end())
      return Invalid(fmt::format("a sitemap has no variable \"{}\"", column));
    places.push_back(static_cast<std::size_t>(place - known.begin()));
  }
  return std::unique_ptr<Source>(
      new SitemapSource(spec.url, std::move(key), std::move(places), fetcher));
}

}  // namespace stoker::warming
