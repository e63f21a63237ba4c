#pragma once

// From a policy's query to the statements that are sent, and from their rows to entries.
//
// The user's query stands in a subquery of ours, which names exactly the columns that are used: so
// only they travel, all as text but a bytea value, and pages can be cut by the orderBy column. The
// query was described on its own before, so it is one whole statement and cannot break out.
//
// Thread safety: const after Make.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/postgres/connection.h"
#include "controller/warming/postgres/copy_reader.h"
#include "controller/warming/source/entry_chunk.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

class SqlLayout {
 public:
  // `described`: the query's columns. kInvalid names the field and the columns there are.
  static Result<SqlLayout> Make(const api::SqlSource& spec,
                                const std::vector<PostgresColumn>& described,
                                const std::vector<std::string>& url_columns);

  // From now on, statements yield only the rows whose keys belong to this shard; every worker reads
  // the whole table, but only its share travels.
  void KeepTo(int shard, int shards);
  // `after`: a literal; rows up to it are left out. `limit`: none where it is unset.
  [[nodiscard]] std::string Statement(const std::optional<std::string>& after,
                                      std::optional<std::int64_t> limit) const;
  // One row whose orderBy column is NULL, which no page would hold.
  [[nodiscard]] std::string StatementForNull() const;
  [[nodiscard]] std::size_t fields() const { return select_.size(); }

  // Appends the row's entry; one that has expired is left out.
  void Append(const CopyReader::Row& row, EntryChunk& chunk) const;
  // Of a row, as text; none: NULL, or no orderBy.
  [[nodiscard]] std::optional<std::string_view> OrderValue(const CopyReader::Row& row) const;

 private:
  std::size_t Select(std::string expression);
  [[nodiscard]] std::string Copy(const std::string& clauses) const;
  Result<std::optional<std::size_t>> SelectNamed(const char* field, const std::string& name,
                                                 const std::vector<PostgresColumn>& described);

  std::string query_;
  std::string order_by_;
  std::string key_text_;  // the key as an expression
  std::string share_;     // a condition; empty: all rows
  std::vector<std::string> select_;
  Template key_;
  std::vector<std::size_t> key_places_, column_places_;
  std::size_t empty_columns_ = 0;  // of URLs, where entries carry their value
  std::optional<std::size_t> value_, score_, ttl_, order_;
};

}  // namespace stoker::warming
