#include "controller/warming/origin/sql_origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <unordered_map>
#include <utility>

#include "controller/warming/postgres/connection.h"

namespace stoker::warming {
namespace {

constexpr Millis kOpenWait{20'000};
constexpr Millis kGraceOfServer{5'000};  // for the server's own timeout to arrive
constexpr char kWhere[] = "the database";

bool IsPassing(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

// Of keys that the server cannot take, or a function raises over; all else is the query's.
bool BlamesKeys(std::string_view sqlstate) {
  constexpr std::array<std::string_view, 5> kClasses = {"21", "22", "23", "54", "P0"};
  return std::ranges::any_of(kClasses, [&](auto start) { return sqlstate.starts_with(start); });
}

std::optional<std::size_t> FindColumn(const std::vector<PostgresColumn>& columns,
                                      const std::string& name) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return std::nullopt;
}

class SqlAsker final : public BatchAsker {
 public:
  SqlAsker(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
           SqlOriginOptions options, std::shared_ptr<ByteBudget> budget)
      : loop_(loop),
        options_(std::move(options)),
        budget_(std::move(budget)),
        connection_(loop, std::move(guard), options_.connection) {}

  asio::awaitable<void> Ask(std::vector<AskedEntry*>& batch) override {
    if (!connection_.IsOpen()) {
      if (const Status opened = co_await Open(); !opened) {
        AnswerAll(batch, OfWhole(opened.error()));
        co_return;
      }
    }
    const Status asked = co_await Query(batch);
    if (asked) co_return;
    const bool blames_keys = BlamesKeys(connection_.sqlstate());
    connection_.Close();
    if (!blames_keys || batch.size() == 1 || cancelled_) {
      const bool of_entry = blames_keys || IsPassing(asked.error());
      AnswerAll(batch, of_entry ? OfEntry(asked.error()) : OfWhole(asked.error()));
      co_return;
    }
    for (AskedEntry*& one : std::ranges::reverse_view(batch)) {  // the one that leads comes last
      if (one == nullptr) continue;
      std::vector<AskedEntry*> alone{std::exchange(one, nullptr)};
      co_await Ask(alone);
    }
  }
  [[nodiscard]] std::size_t MostAtOnce() const override { return options_.most_keys; }
  void Cancel() override {
    cancelled_ = true;
    connection_.Cancel();
  }

 private:
  using Row = std::vector<std::optional<std::string_view>>;

  // The database as such; what waiting does not mend ends the run.
  static FetchError OfWhole(const Error& error) {
    if (error.code == Code::kCancelled) return {"Cancelled", error.message, false, false, {}};
    const char* const reason = IsPassing(error) ? "DatabaseUnavailable" : "DatabaseRefused";
    return {reason, error.message, IsPassing(error), true, {}};
  }
  static FetchError OfEntry(const Error& error) {
    if (error.code == Code::kCancelled) return {"Cancelled", error.message, false, false, {}};
    const char* const reason = error.code == Code::kTimeout ? "Timeout" : "QueryFailed";
    return {reason, error.message, IsPassing(error), false, {}};
  }

  [[nodiscard]] SteadyTime Silence() const {
    return std::chrono::steady_clock::now() + options_.statement_timeout + kGraceOfServer;
  }

  asio::awaitable<Status> Open() {
    const Status opened = co_await connection_.Open(std::chrono::steady_clock::now() + kOpenWait);
    if (!opened || !statement_.empty()) co_return opened;
    const auto columns = co_await connection_.Describe(options_.query, Silence(), 1);
    if (!columns) {
      connection_.Close();
      co_return IsPassing(columns.error()) ? columns.error() : Annotate("query", columns.error());
    }
    const auto key = FindColumn(*columns, options_.key_column);
    const auto value = FindColumn(*columns, options_.value_column);
    if (!key || !value) {
      connection_.Close();
      co_return Invalid(fmt::format(
          "{}: the query has no column \"{}\"; name it so, or correct this",
          key ? "valueColumn" : "keyColumn", key ? options_.value_column : options_.key_column));
    }
    statement_ = Statement((*columns)[*value].type == kPostgresBytea);
    co_return Status{};
  }

  // Key, size of the value, and the value unless it is too large.
  [[nodiscard]] std::string Statement(bool bytes) const {
    const std::string value =
        "q." + PostgresConnection::Identifier(options_.value_column) + (bytes ? "" : "::text");
    // The line break ends a comment.
    return fmt::format(
        "SELECT q.{0}::text, CASE WHEN octet_length({1}) <= {2} THEN {1} END, "
        "octet_length({1}) > {2} FROM (\n{3}\n) AS q",
        PostgresConnection::Identifier(options_.key_column), value, options_.max_value,
        options_.query);
  }

  asio::awaitable<Status> Query(std::vector<AskedEntry*>& batch) {
    const Status begun = co_await connection_.Execute(
        fmt::format("BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = {}",
                    options_.statement_timeout.count()),
        Silence());
    if (!begun) co_return begun;
    std::vector<std::string_view> keys;
    std::unordered_multimap<std::string_view, std::size_t> wanted;  // places in the batch
    for (std::size_t i = 0; i < batch.size(); ++i) {
      keys.push_back(batch[i]->key);
      wanted.emplace(batch[i]->key, i);
    }
    const Status started =
        co_await connection_.StartRows(statement_, ArrayLiteral(keys), Silence());
    if (!started) co_return started;
    FetchResult for_leader = tl::make_unexpected(NotThere(kWhere));
    for (Row row;;) {
      const auto more = co_await connection_.NextRow(row, Silence());
      if (!more) co_return more.error();
      if (!*more) break;
      std::vector<std::size_t> places;  // a key may have been asked for twice
      if (row[0]) {
        const auto [from, to] = wanted.equal_range(*row[0]);
        for (auto one = from; one != to; ++one) places.push_back(one->second);
        wanted.erase(from, to);  // the first row of a key counts
      }
      for (const std::size_t place : places) {
        if (batch[place]->leads) {
          for_leader = ToResult(row);
          continue;
        }
        FetchResult result = ToResult(row);
        if (result) co_await Claim(*result);
        std::exchange(batch[place], nullptr)->Answer(std::move(result));
      }
    }
    const Status done = co_await connection_.Execute("COMMIT", Silence());
    if (!done) co_return done;
    for (AskedEntry*& asked : std::ranges::reverse_view(batch)) {
      if (asked == nullptr) continue;
      FetchResult result = tl::make_unexpected(NotThere(kWhere));
      if (asked->leads) std::swap(result, for_leader);
      if (result) co_await Claim(*result);
      std::exchange(asked, nullptr)->Answer(std::move(result));
    }
    co_return Status{};
  }

  asio::awaitable<void> Claim(Fetched& fetched) {
    fetched.hold = ByteBudget::Hold(budget_);
    return ClaimRoom(loop_, fetched.hold, fetched.body.size(), cancelled_);
  }

  static FetchResult ToResult(const Row& row) {
    if (row[2] && !row[2]->empty() && row[2]->front() != 0) {
      return tl::make_unexpected(FetchError{
          "ValueTooLarge", "the database's value is larger than maxValueSize", false, false, {}});
    }
    if (!row[1]) return tl::make_unexpected(NotThere(kWhere));  // NULL
    Fetched fetched;
    fetched.body = *row[1];
    fetched.wire_bytes = row[1]->size();
    return fetched;
  }

  asio::io_context& loop_;
  const SqlOriginOptions options_;
  const std::shared_ptr<ByteBudget> budget_;
  PostgresConnection connection_;
  std::string statement_;  // empty: the query was not looked at yet
  bool cancelled_ = false;
};

}  // namespace

std::string ArrayLiteral(const std::vector<std::string_view>& items) {
  std::string out = "{";
  for (const std::string_view item : items) {
    out += out.size() == 1 ? "\"" : ",\"";
    for (const char c : item) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

std::unique_ptr<BatchAsker> MakeSqlAsker(asio::io_context& loop,
                                         std::shared_ptr<const EgressGuard> guard,
                                         SqlOriginOptions options,
                                         std::shared_ptr<ByteBudget> budget) {
  return std::make_unique<SqlAsker>(loop, std::move(guard), std::move(options), std::move(budget));
}

}  // namespace stoker::warming
