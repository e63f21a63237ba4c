#include "controller/warming/source/json_source.h"

#include <fmt/format.h>

#include <unordered_set>
#include <utility>

#include "controller/warming/source/json_list.h"

namespace stoker::warming {
namespace {

class JsonSource final : public Source {
 public:
  JsonSource(api::HttpSource spec, JsonList list, SourceFetcher& fetcher)
      : spec_(std::move(spec)), list_(std::move(list)), fetcher_(fetcher), next_(spec_.url) {}

  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override {
    while (at_ == page_.items.size() && !next_.empty()) {
      const std::string url = std::exchange(next_, {});
      const Status read = co_await ReadPage(url);
      if (!read) co_return read.error();
    }
    while (at_ < page_.items.size() && !chunk.Full()) {
      list_.Append(page_.items[at_], chunk);
      page_.items[at_++] = nullptr;  // its memory is free now
    }
    co_return at_ < page_.items.size() || !next_.empty();
  }
  [[nodiscard]] Replay replay() const override { return Replay::kUnstable; }

 private:
  asio::awaitable<Status> ReadPage(const std::string& url) {
    const std::string where = WithoutQuery(url);
    if (!seen_.insert(KeyHash(url)).second) {
      co_return Annotate(where, Invalid("the pages lead in a circle"));
    }
    if (static_cast<std::int64_t>(seen_.size()) > spec_.paging.max_pages) {
      co_return Error{Code::kExhausted,
                      fmt::format("the list has more than {} pages; raise paging.maxPages",
                                  spec_.paging.max_pages)};
    }
    std::string body, link;
    const Status done = co_await fetcher_.Download(
        url, kMaxJsonPage, [&] { body.clear(); },
        [&](std::string_view piece) {
          body.append(piece);
          return true;
        },
        &link);
    if (!done) co_return done;
    auto page = list_.Parse(std::move(body));
    if (!page) co_return Annotate(where, page.error());
    page_ = std::move(*page);
    at_ = 0;
    const Status found = FindNext(url, link);
    co_return found ? found : Annotate(where, found.error());
  }

  Status FindNext(const std::string& url, const std::string& link) {
    using Type = api::HttpPaging::Type;
    std::string reference;
    if (spec_.paging.type == Type::kLink) reference = NextLink(link);
    if (spec_.paging.type == Type::kCursor && !page_.cursor.empty()) {
      if (!spec_.paging.cursor_parameter.empty()) {
        next_ = WithParameter(spec_.url, spec_.paging.cursor_parameter, page_.cursor);
        return {};
      }
      reference = page_.cursor;  // the cursor is the URL itself
    }
    if (reference.empty()) return {};
    STOKER_TRY(const Url base, ParseUrl(url));
    auto next = ResolveUrl(base, reference);
    if (!next) return Annotate("the next page", next.error());
    next_ = std::move(*next);
    return {};
  }

  const api::HttpSource spec_;
  const JsonList list_;
  SourceFetcher& fetcher_;
  std::string next_;
  JsonList::Page page_;
  std::size_t at_ = 0;
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace

Result<std::unique_ptr<Source>> MakeJsonSource(const api::HttpSource& spec,
                                               const std::vector<std::string>& columns,
                                               SourceFetcher& fetcher) {
  STOKER_TRY(JsonList list, JsonList::Make(spec, columns));
  return std::unique_ptr<Source>(new JsonSource(spec, std::move(list), fetcher));
}

}  // namespace stoker::warming
