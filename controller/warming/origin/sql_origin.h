#pragma once

// Values from PostgreSQL: one query for a batch of keys, its rows matched to them by a column.
//
// Each query runs in a read-only transaction under the statement timeout. Rows are taken one at a
// time, and only while there is room for their values. When the server refuses a batch for what its
// keys are (a word where a number belongs), each of them is asked for alone; what it has against
// the query ends the run.
//
// Thread safety: as BatchAsker.

#include <memory>
#include <string>

#include "controller/warming/net/egress.h"
#include "controller/warming/origin/batched_origin.h"
#include "controller/warming/postgres/connection_string.h"

namespace stoker::warming {

struct SqlOriginOptions {
  PostgresOptions connection;
  std::string query;  // with $1: the array of keys
  std::string key_column, value_column;
  Millis statement_timeout{30'000};
  std::size_t max_value = 16 << 20;  // a larger one is not fetched, and fails its entry
  std::size_t most_keys = 100;       // in one query
};

std::unique_ptr<BatchAsker> MakeSqlAsker(asio::io_context& loop,
                                         std::shared_ptr<const EgressGuard> guard,
                                         SqlOriginOptions options,
                                         std::shared_ptr<ByteBudget> budget);

// {"a","b"}: an array as PostgreSQL reads one.
std::string ArrayLiteral(const std::vector<std::string_view>& items);

}  // namespace stoker::warming
