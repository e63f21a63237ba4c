#pragma once

// One connection to PostgreSQL by libpq, driven by the loop: nothing here ever blocks it.
//
// libpq would resolve names and dial by itself, past the egress guard. So names are resolved here,
// each address is judged just before its dial, and libpq gets it as `hostaddr`; certificates are
// still checked against the name. libpq's own surroundings (PGSERVICE, password files, client keys
// in the home directory) are shut off.
//
// Errors: kUnavailable and kTimeout may pass, all others will not. They carry what the server said
// in its primary message, never a parameter of the connection.
//
// Thread safety: one loop, one call at a time, but Cancel(). Lifetime: outlives its calls.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/warming/net/connect.h"
#include "controller/warming/postgres/connection_string.h"

struct pg_result;  // libpq's

namespace stoker::warming {

struct PostgresColumn {
  std::string name;
  std::uint32_t type = 0;  // the type's OID
};
inline constexpr std::uint32_t kPostgresBytea = 17;

struct PostgresParameter {  // in binary
  std::uint32_t type = 0;
  std::string_view bytes;
};

// The rows of an answer, in binary. Views are good as long as any copy of it is.
class PostgresRows {
 public:
  PostgresRows() = default;
  explicit PostgresRows(std::shared_ptr<pg_result> result) : result_(std::move(result)) {}
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::optional<std::string_view> At(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::uint32_t TypeOf(std::size_t column) const;

 private:
  std::shared_ptr<pg_result> result_;
};

struct PostgresFailure {
  std::string sqlstate;  // what the server has against the statement; empty: it was not the server
  Error error;
};

class PostgresConnection {
 public:
  PostgresConnection(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                     PostgresOptions options);
  ~PostgresConnection();

  // Tries every address of every host in turn.
  asio::awaitable<Status> Open(SteadyTime deadline);
  [[nodiscard]] bool IsOpen() const;
  // What the server had against the last statement; empty: nothing, or it was not the server.
  [[nodiscard]] const std::string& sqlstate() const;
  // Statements whose rows nobody wants.
  asio::awaitable<Status> Execute(const std::string& statements, SteadyTime deadline);
  // The columns of one query, which is not executed. Text that is more or less than one statement
  // is refused, and so is one that has not just so many parameters.
  asio::awaitable<Result<std::vector<PostgresColumn>>> Describe(const std::string& query,
                                                                SteadyTime deadline,
                                                                int parameters = 0);
  // One statement and all its rows, for short answers. What the server refuses leaves the connection
  // open.
  asio::awaitable<tl::expected<PostgresRows, PostgresFailure>> Query(
      const std::string& statement, const std::vector<PostgresParameter>& parameters,
      SteadyTime deadline);
  // The rows of a query with one parameter, one at a time, in binary; false: that was the last. A
  // row is good until the next call. The deadline is for one row.
  asio::awaitable<Status> StartRows(const std::string& query, const std::string& parameter,
                                    SteadyTime deadline);
  asio::awaitable<Result<bool>> NextRow(std::vector<std::optional<std::string_view>>& row,
                                        SteadyTime deadline);
  // COPY ... TO STDOUT, piece by piece; an empty piece is the end. A piece is good until the next
  // call. The deadline is for one piece: it comes when nothing came for so long.
  asio::awaitable<Status> StartCopy(const std::string& statement, SteadyTime deadline);
  asio::awaitable<Result<std::string_view>> ReadCopy(SteadyTime deadline);
  // A piece that is at hand; none: ReadCopy() must be waited for.
  std::optional<std::string_view> ReadCopyNow();
  [[nodiscard]] int server_version() const;  // 150018
  // Quoted for use in a statement.
  [[nodiscard]] Result<std::string> Literal(std::string_view text) const;
  static std::string Identifier(std::string_view name);

  // Ends what waits, and every later call, with kCancelled.
  void Cancel();
  void Close();  // drops the connection; it may be opened again

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace stoker::warming
