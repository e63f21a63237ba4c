#include "controller/warming/source/sql_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "controller/warming/materials/materials.h"
#include "controller/warming/materials/secrets.h"
#include "controller/warming/net/waiting.h"
#include "controller/warming/pace/backoff.h"
#include "controller/warming/postgres/connection.h"
#include "controller/warming/postgres/copy_reader.h"
#include "controller/warming/source/sql_layout.h"

namespace stoker::warming {
namespace {

constexpr Millis kSqlOpenDeadline{20'000};
constexpr Millis kSqlGrace{5'000};         // for the server's own timeout to arrive
constexpr std::int64_t kFirstPage = 1000;  // rows
constexpr std::int64_t kMinPage = 100;
constexpr std::int64_t kMaxPage = 50'000;
constexpr std::size_t kPageBytes = 8 << 20;         // what a page should come to
constexpr std::size_t kReadAheadOfPage = 16 << 20;  // then the rest of the page waits
constexpr std::size_t kMaxRow = kMaxValueBytes + (1 << 20);
constexpr std::size_t kMaxOrderValue = 1024;

SteadyTime After(Millis wait) { return std::chrono::steady_clock::now() + wait; }

bool MayPass(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

class SqlSource final : public Source {
 public:
  SqlSource(api::SqlSource spec, std::vector<std::string> columns, PostgresOptions options,
            const SourceHost& host)
      : spec_(std::move(spec)),
        columns_(std::move(columns)),
        host_(host),
        connection_(*host.loop, host.egress, std::move(options)),
        backoff_(*host.loop),
        jitter_(KeyHash(spec_.query)) {}

  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override {
    for (int tries = 0;;) {
      const std::int64_t before = rows_;
      const Status read = co_await ReadRows(chunk);
      if (read) co_return !ended_;
      page_.reset();
      connection_.Close();
      if (rows_ > before) tries = 0;
      const bool from_here = Paged() || rows_ == 0;
      if (!MayPass(read.error()) || tries >= host_.retry.limit || !from_here) {
        co_return Explained(read.error());
      }
      const Millis ceiling = BackoffCeiling(tries++, host_.retry.backoff, host_.retry.max_backoff);
      co_await backoff_.Wait(std::chrono::steady_clock::now() + jitter_.Below(ceiling));
    }
  }

  // Of a unique column, keys made of it alone are, too.
  [[nodiscard]] bool Distinct() const override {
    return Paged() && Template::NamesIn(spec_.key_template) == std::vector{spec_.order_by};
  }
  [[nodiscard]] Replay replay() const override {
    return Paged() ? Replay::kKeyset : Replay::kUnstable;
  }
  [[nodiscard]] nlohmann::json Position() const override {
    return {{"rows", rows_}, {"last", last_ ? nlohmann::json(*last_) : nlohmann::json()}};
  }
  Status ResumeAt(const nlohmann::json& position) override {
    try {
      rows_ = position.at("rows").get<std::int64_t>();
      if (!position.at("last").is_null()) last_ = position.at("last").get<std::string>();
    } catch (const nlohmann::json::exception&) {
      return Invalid("the checkpoint's cursor is damaged; start without it");
    }
    return {};
  }
  void Cancel() override {
    connection_.Cancel();
    backoff_.Cancel();
  }

  [[nodiscard]] bool Sharded() const override { return host_.shards > 1; }

 private:
  // What is being read: a page, or all.
  struct Page {
    Page(std::size_t fields, std::optional<std::int64_t> most)
        : reader(fields, kMaxRow), limit(most) {}
    CopyReader reader;
    std::optional<std::int64_t> limit;
    std::int64_t rows = 0;
    std::size_t bytes = 0;
    bool received = false;  // to its end
  };

  [[nodiscard]] bool Paged() const { return !spec_.order_by.empty(); }

  [[nodiscard]] Error Explained(Error error) const {
    if (MayPass(error) && !Paged() && rows_ > 0) {
      error.message += fmt::format(
          ", after {} rows; name a unique column in orderBy, so that reading goes on after them",
          rows_);
    }
    return error;
  }

  asio::awaitable<Status> ReadRows(EntryChunk& chunk) {
    while (!chunk.Full() && !ended_) {
      if (!page_) {
        const Status begun = co_await Begin();
        if (!begun) co_return begun;
        continue;  // it may have found that nothing is left
      }
      const auto row = page_->reader.Next(row_);
      if (!row) co_return row.error();
      if (*row) {
        const Status taken = Take(chunk);
        if (!taken) co_return taken;
      } else if (page_->received) {
        const Status done = co_await Finish();
        if (!done) co_return done;
      } else {
        const Status filled = Paged() ? co_await Fill() : co_await Stream(chunk);
        if (!filled) co_return filled;
      }
    }
    co_return Status{};
  }

  // Rows straight out of libpq's hands, for as long as they are whole.
  asio::awaitable<Status> Stream(EntryChunk& chunk) {
    bool waited = false;
    while (!chunk.Full()) {
      auto piece = connection_.ReadCopyNow();
      if (!piece) {
        if (waited) break;  // what came is worth more than what may come
        const auto next = co_await connection_.ReadCopy(Silence());
        if (!next) co_return next.error();
        piece = *next;
        waited = true;
        if (piece->empty()) {
          page_->received = true;
          break;
        }
      }
      page_->bytes += piece->size();
      while (!piece->empty()) {
        const auto row = page_->reader.NextOf(*piece, row_);
        if (!row) co_return row.error();
        if (!*row) break;
        const Status taken = Take(chunk);
        if (!taken) co_return taken;
      }
      if (!piece->empty()) {
        page_->reader.Append(*piece);
        break;
      }
    }
    co_return Status{};
  }

  asio::awaitable<Status> Open() {
    const Status opened = co_await connection_.Open(After(kSqlOpenDeadline));
    if (!opened) co_return opened;
    if (layout_) co_return Status{};
    const auto described =
        co_await connection_.Describe(spec_.query, After(spec_.statement_timeout + kSqlGrace));
    if (!described) {
      const bool passes = MayPass(described.error());
      co_return passes ? described.error() : Annotate("query", described.error());
    }
    auto layout = SqlLayout::Make(spec_, *described, columns_);
    if (!layout) co_return layout.error();
    layout_.emplace(std::move(*layout));
    if (Sharded()) layout_->KeepTo(host_.shard, host_.shards);
    co_return Status{};
  }

  asio::awaitable<Status> Begin() {
    std::optional<std::int64_t> limit;
    if (spec_.max_rows) limit = *spec_.max_rows - rows_;
    if (Paged()) limit = std::min(limit.value_or(page_rows_), page_rows_);
    if (limit && *limit <= 0) {
      ended_ = true;
      co_return Status{};
    }
    if (!connection_.IsOpen()) {
      const Status opened = co_await Open();
      if (!opened) co_return opened;
    }
    const Millis timeout = Paged() ? spec_.statement_timeout : host_.deadline;
    std::string begin = fmt::format(
        "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = {}; "
        "SET LOCAL idle_in_transaction_session_timeout = 0",
        timeout.count());
    // A query whose reader is gone ends within seconds, not when it next writes.
    if (connection_.server_version() >= 140000) {
      begin += "; SET LOCAL client_connection_check_interval = 5000";
    }
    const Status begun = co_await connection_.Execute(begin, Silence());
    if (!begun) co_return begun;
    std::optional<std::string> after;
    if (last_) {
      auto literal = connection_.Literal(*last_);
      if (!literal) co_return literal.error();
      after = std::move(*literal);
    }
    const Status started = co_await connection_.StartCopy(
        looks_for_null_ ? layout_->StatementForNull() : layout_->Statement(after, limit),
        Silence());
    if (!started) co_return started;
    page_.emplace(layout_->fields(), limit);
    co_return Status{};
  }

  // A page is drained, so that its transaction is short.
  asio::awaitable<Status> Fill() {
    while (page_->reader.Buffered() < kReadAheadOfPage) {
      auto piece = connection_.ReadCopyNow();
      if (!piece) {
        const auto waited = co_await connection_.ReadCopy(Silence());
        if (!waited) co_return waited.error();
        piece = *waited;
      }
      if (piece->empty()) {
        page_->received = true;
        break;
      }
      page_->bytes += piece->size();
      page_->reader.Append(*piece);
    }
    co_return Status{};
  }

  asio::awaitable<Status> Finish() {
    if (!page_->reader.Ended()) co_return Unavailable("the database's answer ended too early");
    const Status committed = co_await connection_.Execute("COMMIT", Silence());
    if (!committed) co_return committed;
    const bool last = !Paged() || page_->rows < *page_->limit;
    ended_ = last && (!Paged() || looks_for_null_);
    looks_for_null_ = last;
    if (page_->rows > 0) {
      const auto row = static_cast<std::int64_t>(page_->bytes) / page_->rows + 1;
      page_rows_ = std::clamp(static_cast<std::int64_t>(kPageBytes) / row, kMinPage, kMaxPage);
    }
    page_.reset();
    if (ended_) connection_.Close();
    co_return Status{};
  }

  Status Take(EntryChunk& chunk) {
    if (Paged()) {
      const auto value = layout_->OrderValue(row_);
      if (!value) {
        return Invalid(
            fmt::format("orderBy: the column \"{}\" holds NULL; leave such rows out, or "
                        "name another column",
                        spec_.order_by));
      }
      if (value->size() > kMaxOrderValue) {
        return Invalid(
            fmt::format("orderBy: the column \"{}\" holds values of more than {} bytes; "
                        "name another column",
                        spec_.order_by, kMaxOrderValue));
      }
      if (last_ && *last_ == *value) {
        return Invalid(fmt::format("orderBy: two rows have the same \"{}\"; name a unique column",
                                   spec_.order_by));
      }
      last_ = *value;
    }
    ++rows_;
    ++page_->rows;
    layout_->Append(row_, chunk);
    return {};
  }

  [[nodiscard]] SteadyTime Silence() const { return After(spec_.statement_timeout + kSqlGrace); }

  const api::SqlSource spec_;
  const std::vector<std::string> columns_;
  const SourceHost host_;
  PostgresConnection connection_;
  Waiter backoff_;
  Jitter jitter_;
  std::optional<SqlLayout> layout_;
  std::optional<Page> page_;
  CopyReader::Row row_;
  std::int64_t page_rows_ = kFirstPage;
  std::int64_t rows_ = 0;            // yielded, of all pages
  std::optional<std::string> last_;  // of the orderBy column
  bool looks_for_null_ = false;      // all pages were read
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Source>> MakeSqlSource(const api::SqlSource& spec,
                                              const std::vector<std::string>& columns,
                                              const Materials& materials, const SourceHost& host) {
  if (host.loop == nullptr) return Invalid("cannot be read without a connection");
  STOKER_TRY(PostgresOptions options,
             ToPostgresOptions(spec.connection_secret_ref, spec.ca_secret_ref, materials));
  return std::unique_ptr<Source>(new SqlSource(spec, columns, std::move(options), host));
}

}  // namespace stoker::warming
