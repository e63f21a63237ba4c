#pragma once

// A table as a target: the statements that ask, fill and read it, and what their errors mean.
//
// Names are quoted, so they stand as the table has them. A row whose expiry has passed counts as
// absent: IfAbsent overwrites it.
//
// Thread safety: const after Make; pure functions.

#include <cstdint>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/result.h"
#include "controller/warming/postgres/connection.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

class SqlTable {
 public:
  // Yields no rows; its columns are what Make() wants.
  static std::string ColumnsQuery(const api::SqlTarget& spec);
  // `described`: key, value and expiry, by their types. kInvalid names the column and the mend.
  static Result<SqlTable> Make(const api::SqlTarget& spec,
                               const std::vector<std::uint32_t>& described);

  // Parameters: arrays of the keys, the values and their TTLs in ms, 0 for none. Returns the keys of
  // the rows that were written.
  [[nodiscard]] const std::string& Upsert(bool if_absent) const {
    return if_absent ? insert_absent_ : upsert_;
  }
  // Parameters: an array of the keys, and how much longer they must live, in ms. Returns keys.
  [[nodiscard]] const std::string& Probe() const { return probe_; }
  // Parameter: an array of the keys. Returns key, value and the ms left.
  [[nodiscard]] const std::string& Read() const { return read_; }
  // Of the elements of those arrays.
  [[nodiscard]] std::uint32_t key_type() const { return key_type_; }
  [[nodiscard]] std::uint32_t value_type() const { return value_type_; }
  // Whether the key's column can hold these bytes.
  [[nodiscard]] bool CanHold(std::string_view key) const;

  // `where`: "table cache".
  static TargetError Explain(const api::SqlTarget& spec, const PostgresFailure& failure);

 private:
  std::string insert_absent_, upsert_, probe_, read_;
  std::uint32_t key_type_ = 0, value_type_ = 0;
};

}  // namespace stoker::warming
