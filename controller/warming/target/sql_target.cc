#include "controller/warming/target/sql_target.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "controller/warming/net/waiting.h"
#include "controller/warming/postgres/array.h"
#include "controller/warming/postgres/connection.h"
#include "controller/warming/target/sql_table.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kMostRows = 500;  // of a statement
constexpr std::size_t kMostRowBytes = 4 << 20;
constexpr std::size_t kMostGathered = 2000;  // rows
constexpr Millis kWriteDeadline{15'000};
constexpr char kSettings[] = "SET statement_timeout = 10000";

template <class T>
using Answer = tl::expected<T, TargetError>;
using Keys = std::vector<std::string_view>;

TargetError SqlCancelled() { return {"Cancelled", "the run stops", false, true}; }

// Coroutines of one loop, one after the other.
class Turn {
 public:
  explicit Turn(asio::io_context& loop) : loop_(loop) {}
  // False: not before the deadline.
  asio::awaitable<bool> Take(SteadyTime deadline) {
    while (taken_) {
      const auto waiter = std::make_shared<Waiter>(loop_);
      waiting_.push_back(waiter);
      co_await waiter->Wait(deadline);
      if (waiter->finished()) continue;
      std::erase(waiting_, waiter);
      co_return false;
    }
    taken_ = true;
    co_return true;
  }
  void Give() {
    taken_ = false;
    WakeOne();
  }
  void WakeOne() {
    if (waiting_.empty()) return;
    waiting_.front()->Finish();
    waiting_.pop_front();
  }

 private:
  asio::io_context& loop_;
  bool taken_ = false;
  std::deque<std::shared_ptr<Waiter>> waiting_;
};

struct Row {
  std::string_view key, value;
  Millis ttl{0};
  bool if_absent = true;
  WriteDone done;
};

// Shared with the coroutine that writes, which may outlive the target by a moment.
struct SqlWriter : std::enable_shared_from_this<SqlWriter> {
  SqlWriter(asio::io_context& l, std::shared_ptr<const EgressGuard> guard, api::SqlTarget s,
            const PostgresOptions& options)
      : loop(l),
        spec(std::move(s)),
        writes(l, guard, options),
        questions(l, std::move(guard), options),
        asking(l) {}

  asio::io_context& loop;
  const api::SqlTarget spec;
  PostgresConnection writes, questions;
  Turn asking;
  std::optional<SqlTable> table;
  std::deque<Row> gathered;
  std::vector<Row> current;  // under way; a row that was answered has no `done`
  std::deque<std::shared_ptr<Waiter>> room;
  bool writing = false;
  bool cancelled = false;

  asio::awaitable<Answer<PostgresRows>> Ask(PostgresConnection& connection,
                                            const std::string& statement,
                                            const std::vector<PostgresParameter>& parameters,
                                            SteadyTime deadline) {
    if (cancelled) co_return tl::unexpected(SqlCancelled());
    auto rows = co_await connection.Query(statement, parameters, deadline);
    if (cancelled) co_return tl::unexpected(SqlCancelled());
    if (!rows) co_return tl::unexpected(SqlTable::Explain(spec, rows.error()));
    co_return std::move(*rows);
  }

  // Opens the connection where it is not, and learns the table.
  asio::awaitable<Answer<void>> Ready(PostgresConnection& connection, SteadyTime deadline) {
    if (cancelled) co_return tl::unexpected(SqlCancelled());
    if (connection.IsOpen()) co_return Answer<void>{};
    Status opened = co_await connection.Open(deadline);
    if (opened) opened = co_await connection.Execute(kSettings, deadline);
    if (!opened) co_return tl::unexpected(SqlTable::Explain(spec, {{}, opened.error()}));
    if (table) co_return Answer<void>{};
    const auto columns = co_await Ask(connection, SqlTable::ColumnsQuery(spec), {}, deadline);
    if (!columns) {
      connection.Close();  // so that the next try looks again
      co_return tl::unexpected(columns.error());
    }
    auto made = SqlTable::Make(spec, {columns->TypeOf(0), columns->TypeOf(1), columns->TypeOf(2)});
    if (!made) {
      connection.Close();
      co_return tl::unexpected(TargetError{
          "TargetRejected", "table " + spec.table + ": " + made.error().message, false, true});
    }
    table.emplace(std::move(*made));
    co_return Answer<void>{};
  }

  // Of rows [begin, end) under way: which were written.
  asio::awaitable<Answer<std::vector<bool>>> Upsert(std::size_t begin, std::size_t end) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + kWriteDeadline;
    const auto ready = co_await Ready(writes, deadline);
    if (!ready) co_return tl::unexpected(ready.error());
    PostgresArray keys(table->key_type()), values(table->value_type()), ttls(kPostgresInt8);
    std::unordered_map<std::string_view, std::size_t> places;
    for (std::size_t i = begin; i < end; ++i) {
      keys.Add(current[i].key);
      values.Add(current[i].value);
      ttls.Add(static_cast<std::int64_t>(current[i].ttl.count()));
      places.emplace(current[i].key, i - begin);
    }
    const auto rows =
        co_await Ask(writes, table->Upsert(current[begin].if_absent),
                     {{0, keys.bytes()}, {0, values.bytes()}, {0, ttls.bytes()}}, deadline);
    if (!rows) co_return tl::unexpected(rows.error());
    std::vector<bool> written(end - begin);
    for (std::size_t r = 0; r < rows->size(); ++r) {
      const auto place = places.find(rows->At(r, 0).value_or(std::string_view()));
      if (place != places.end()) written[place->second] = true;
    }
    co_return written;
  }

  asio::awaitable<void> WriteRange(std::size_t begin, std::size_t end) {
    const auto written = co_await Upsert(begin, end);
    if (cancelled) co_return;
    const bool of_a_row = !written && !written.error().whole_target && !written.error().retryable;
    if (of_a_row && end - begin > 1) {
      const std::size_t middle = begin + (end - begin) / 2;
      co_await WriteRange(begin, middle);
      if (!cancelled) co_await WriteRange(middle, end);
      co_return;
    }
    for (std::size_t i = begin; i < end; ++i) {
      const WriteDone done = std::exchange(current[i].done, nullptr);
      if (!written) {
        done(tl::unexpected(written.error()));
      } else {
        done((*written)[i - begin] ? WriteOutcome::kWritten : WriteOutcome::kPresent);
      }
      if (cancelled) co_return;  // which answered the others
    }
  }

  static asio::awaitable<void> WriteAll(std::shared_ptr<SqlWriter> self) {
    while (!self->cancelled && !self->gathered.empty()) {
      self->current.clear();
      const bool if_absent = self->gathered.front().if_absent;
      std::size_t bytes = 0;
      while (!self->gathered.empty() && self->current.size() < kMostRows && bytes < kMostRowBytes &&
             self->gathered.front().if_absent == if_absent) {
        bytes += self->gathered.front().key.size() + self->gathered.front().value.size();
        self->current.push_back(std::move(self->gathered.front()));
        self->gathered.pop_front();
      }
      for (auto waiters = std::exchange(self->room, {}); const auto& waiter : waiters) {
        waiter->Finish();
      }
      co_await self->WriteRange(0, self->current.size());
    }
    self->writing = false;
  }

  void Cancel() {
    if (std::exchange(cancelled, true)) return;
    writes.Cancel();
    questions.Cancel();
    asking.WakeOne();
    for (const auto& waiter : std::exchange(room, {})) waiter->Finish();
    std::vector<WriteDone> left;
    for (Row& row : current) left.push_back(std::exchange(row.done, nullptr));
    for (Row& row : std::exchange(gathered, {})) left.push_back(std::move(row.done));
    for (const WriteDone& done : left) {
      if (done) done(tl::unexpected(SqlCancelled()));
    }
  }
};

class SqlTarget final : public Target {
 public:
  explicit SqlTarget(std::shared_ptr<SqlWriter> writer) : writer_(std::move(writer)) {}
  ~SqlTarget() override { writer_->Cancel(); }

  asio::awaitable<Answer<void>> Open(SteadyTime deadline) override {
    const auto self = writer_;
    auto ready = co_await self->Ready(self->writes, deadline);
    if (!ready) co_return ready;
    // Nothing is written, but rights and the unique index are checked.
    const PostgresArray keys(self->table->key_type()), values(self->table->value_type()),
        ttls(kPostgresInt8);
    const auto tried =
        co_await self->Ask(self->writes, self->table->Upsert(true),
                           {{0, keys.bytes()}, {0, values.bytes()}, {0, ttls.bytes()}}, deadline);
    if (!tried) co_return tl::unexpected(tried.error());
    co_return Answer<void>{};
  }

  asio::awaitable<Answer<std::vector<bool>>> Probe(const Keys& keys, Millis at_least,
                                                   SteadyTime deadline) override {
    const auto self = writer_;
    PostgresArray least(kPostgresInt8);
    least.Add(static_cast<std::int64_t>(at_least.count()));
    const std::string_view number = least.bytes().substr(least.bytes().size() - 8);
    const auto rows = co_await Question(&SqlTable::Probe, keys, {{0, number}}, deadline);
    if (!rows) co_return tl::unexpected(rows.error());
    std::unordered_set<std::string_view> present;
    for (std::size_t r = 0; r < rows->size(); ++r) present.insert(rows->At(r, 0).value_or(""));
    std::vector<bool> held;
    held.reserve(keys.size());
    for (const std::string_view key : keys) held.push_back(present.contains(key));
    co_return held;
  }

  [[nodiscard]] bool HasRoom() const override {
    return writer_->cancelled || writer_->gathered.size() < kMostGathered;
  }
  asio::awaitable<void> Writable() override {
    const auto self = writer_;
    while (!self->cancelled && self->gathered.size() >= kMostGathered) {
      const auto waiter = std::make_shared<Waiter>(self->loop);
      self->room.push_back(waiter);
      co_await waiter->Wait(SteadyTime::max());
    }
  }

  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    if (writer_->cancelled) return done(tl::unexpected(SqlCancelled()));
    writer_->gathered.push_back({key, value, ttl, if_absent, std::move(done)});
    if (std::exchange(writer_->writing, true)) return;
    asio::co_spawn(writer_->loop, SqlWriter::WriteAll(writer_), asio::detached);
  }

  asio::awaitable<Answer<std::vector<Held>>> Read(const Keys& keys, SteadyTime deadline) override {
    const auto self = writer_;
    const auto rows = co_await Question(&SqlTable::Read, keys, {}, deadline);
    if (!rows) co_return tl::unexpected(rows.error());
    std::unordered_map<std::string_view, std::size_t> places;
    for (std::size_t r = 0; r < rows->size(); ++r) places.emplace(rows->At(r, 0).value_or(""), r);
    std::vector<Held> held(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto place = places.find(keys[i]);
      if (place == places.end()) continue;
      held[i].present = true;
      if (const auto value = rows->At(place->second, 1)) held[i].value.emplace(*value);
      if (const auto left = rows->At(place->second, 2))
        held[i].ttl = Millis(PostgresInteger(*left));
    }
    co_return held;
  }

  void Cancel() override { writer_->Cancel(); }

 private:
  // Keys that the table cannot hold are not asked for: they are absent.
  asio::awaitable<Answer<PostgresRows>> Question(const std::string& (SqlTable::*statement)() const,
                                                 const Keys& keys,
                                                 std::vector<PostgresParameter> more,
                                                 SteadyTime deadline) {
    const auto self = writer_;
    if (!co_await self->asking.Take(deadline)) {
      co_return tl::unexpected(
          TargetError{"TargetTimeout", "the database did not answer in time", true, true});
    }
    Answer<PostgresRows> rows = tl::unexpected(SqlCancelled());
    if (const auto ready = co_await self->Ready(self->questions, deadline); !ready) {
      rows = tl::unexpected(ready.error());
    } else {
      PostgresArray asked(self->table->key_type());
      for (const std::string_view key : keys) {
        if (self->table->CanHold(key)) asked.Add(key);
      }
      more.insert(more.begin(), {0, asked.bytes()});
      rows = co_await self->Ask(self->questions, (*self->table.*statement)(), more, deadline);
    }
    self->asking.Give();
    co_return rows;
  }

  const std::shared_ptr<SqlWriter> writer_;
};

}  // namespace

std::unique_ptr<Target> MakeSqlTarget(asio::io_context& loop,
                                      std::shared_ptr<const EgressGuard> guard,
                                      const api::SqlTarget& spec, const PostgresOptions& options) {
  return std::make_unique<SqlTarget>(
      std::make_shared<SqlWriter>(loop, std::move(guard), spec, options));
}

}  // namespace stoker::warming
