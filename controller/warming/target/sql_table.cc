#include "controller/warming/target/sql_table.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "controller/api/yaml_text.h"
#include "controller/warming/postgres/array.h"

namespace stoker::warming {
namespace {

constexpr std::uint32_t kVarchar = 1043, kJson = 114, kTimestampTz = 1184;

std::string TableName(const api::SqlTarget& spec) {
  const std::size_t dot = spec.table.find('.');
  if (dot == std::string::npos) return PostgresConnection::Identifier(spec.table);
  return PostgresConnection::Identifier(spec.table.substr(0, dot)) + "." +
         PostgresConnection::Identifier(spec.table.substr(dot + 1));
}

std::string CreateTable(const api::SqlTarget& spec) {
  return fmt::format("create table {} ({} text primary key, {} bytea not null, {} timestamptz)",
                     TableName(spec), PostgresConnection::Identifier(spec.key_column),
                     PostgresConnection::Identifier(spec.value_column),
                     PostgresConnection::Identifier(spec.expiry_column));
}

bool IsText(std::uint32_t type) { return type == kPostgresText || type == kVarchar; }

Error WrongType(const char* field, const std::string& column, const char* types) {
  return Invalid(fmt::format("{}: the column \"{}\" must be {}", field, column, types));
}

struct ClassMeaning {
  std::string_view sqlstate;  // begins so
  std::string_view reason;
  bool retryable;
  bool whole_target;
  std::string_view mend;
};

// The first that fits wins.
constexpr std::array kSqlMeanings = {
    ClassMeaning{"42P01", "TargetRejected", false, true, "CREATE"},
    ClassMeaning{"3F000", "TargetRejected", false, true, "CREATE"},
    ClassMeaning{"42703", "TargetRejected", false, true,
                 "correct keyColumn, valueColumn or expiryColumn"},
    ClassMeaning{"42P10", "TargetRejected", false, true,
                 "make keyColumn the table's primary key, or give it a unique index"},
    ClassMeaning{"42501", "TargetAuth", false, true,
                 "grant the user SELECT, INSERT and UPDATE on the table"},
    ClassMeaning{"25006", "TargetReadOnly", false, true,
                 "name the primary, not a standby, in the connection string"},
    ClassMeaning{"28", "TargetAuth", false, true, "check user and password in the Secret"},
    ClassMeaning{"53100", "TargetOutOfMemory", false, true, "the database's disk is full"},
    ClassMeaning{"57014", "TargetTimeout", true, true, "a statement took more than 10 s"},
    ClassMeaning{"08", "TargetUnavailable", true, true, ""},
    ClassMeaning{"53", "TargetUnavailable", true, true, ""},
    ClassMeaning{"57", "TargetUnavailable", true, true, ""},
    ClassMeaning{"58", "TargetUnavailable", true, true, ""},
    ClassMeaning{"40", "TargetUnavailable", true, false, "another transaction was in the way"},
    ClassMeaning{"55P03", "TargetUnavailable", true, false, "another transaction was in the way"},
    // What the row's own bytes are to blame for: text that is no UTF-8, a constraint, a trigger that
    // raises, a view's check, a key too long for an index.
    ClassMeaning{"21", "TargetRejected", false, false, ""},
    ClassMeaning{"22", "TargetRejected", false, false, ""},
    ClassMeaning{"23", "TargetRejected", false, false, ""},
    ClassMeaning{"44", "TargetRejected", false, false, ""},
    ClassMeaning{"54", "TargetRejected", false, false, ""},
    ClassMeaning{"P0", "TargetRejected", false, false, ""},
    ClassMeaning{"", "TargetRejected", false, true, ""},
};

TargetError ExplainConnection(const Error& error) {
  switch (error.code) {
    case Code::kUnavailable:
      return {"TargetUnavailable", error.message, true, true};
    case Code::kTimeout:
      return {"TargetTimeout", error.message, true, true};
    case Code::kCancelled:
      return {"Cancelled", error.message, false, true};
    case Code::kPermission: {
      const bool egress = error.message.find("egress guard") != std::string::npos;
      return {egress ? "EgressRefused" : "TargetAuth", error.message, false, true};
    }
    default:
      return {"TargetRejected", error.message, false, true};
  }
}

}  // namespace

std::string SqlTable::ColumnsQuery(const api::SqlTarget& spec) {
  return fmt::format("SELECT {}, {}, {} FROM {} LIMIT 0",
                     PostgresConnection::Identifier(spec.key_column),
                     PostgresConnection::Identifier(spec.value_column),
                     PostgresConnection::Identifier(spec.expiry_column), TableName(spec));
}

Result<SqlTable> SqlTable::Make(const api::SqlTarget& spec,
                                const std::vector<std::uint32_t>& described) {
  const std::uint32_t key = described.at(0), value = described.at(1), expiry = described.at(2);
  if (!IsText(key) && key != kPostgresBytea)
    return WrongType("keyColumn", spec.key_column, "text, varchar or bytea");
  if (!IsText(value) && value != kPostgresBytea && value != kJson)
    return WrongType("valueColumn", spec.value_column, "bytea, text, varchar or json");
  if (expiry != kTimestampTz) return WrongType("expiryColumn", spec.expiry_column, "timestamptz");

  SqlTable table;
  table.key_type_ = key == kPostgresBytea ? kPostgresBytea : kPostgresText;
  table.value_type_ = value == kPostgresBytea ? kPostgresBytea : kPostgresText;
  const auto array_of = [](std::uint32_t type) {
    return type == kPostgresBytea ? "bytea[]" : "text[]";
  };
  fmt::dynamic_format_arg_store<fmt::format_context> names;
  names.push_back(fmt::arg("table", TableName(spec)));
  names.push_back(fmt::arg("key", PostgresConnection::Identifier(spec.key_column)));
  names.push_back(fmt::arg("value", PostgresConnection::Identifier(spec.value_column)));
  names.push_back(fmt::arg("expiry", PostgresConnection::Identifier(spec.expiry_column)));
  names.push_back(fmt::arg("keys", array_of(table.key_type_)));
  names.push_back(fmt::arg("values", array_of(table.value_type_)));
  names.push_back(fmt::arg("cast", value == kJson ? "::json" : ""));
  table.upsert_ = fmt::vformat(
      "INSERT INTO {table} AS held ({key}, {value}, {expiry}) "
      "SELECT k, v{cast}, CASE WHEN ttl > 0 THEN now() + ttl * interval '1 millisecond' END "
      "FROM unnest($1::{keys}, $2::{values}, $3::bigint[]) AS given(k, v, ttl) "
      "ON CONFLICT ({key}) DO UPDATE SET {value} = excluded.{value}, {expiry} = excluded.{expiry}",
      names);
  table.insert_absent_ =
      table.upsert_ + fmt::vformat(" WHERE held.{expiry} <= now() RETURNING {key}", names);
  table.upsert_ += fmt::vformat(" RETURNING {key}", names);
  table.probe_ = fmt::vformat(
      "SELECT {key} FROM {table} WHERE {key} = ANY($1::{keys}) AND ({expiry} IS NULL OR {expiry} > "
      "now() + $2::bigint * interval '1 millisecond')",
      names);
  table.read_ = fmt::vformat(
      "SELECT {key}, {value}, (extract(epoch FROM {expiry} - now()) * 1000)::bigint FROM {table} "
      "WHERE {key} = ANY($1::{keys}) AND ({expiry} IS NULL OR {expiry} > now())",
      names);
  return table;
}

bool SqlTable::CanHold(std::string_view key) const {
  if (key_type_ == kPostgresBytea) return true;
  return key.find('\0') == std::string_view::npos && api::IsUtf8(key);
}

TargetError SqlTable::Explain(const api::SqlTarget& spec, const PostgresFailure& failure) {
  if (failure.sqlstate.empty()) return ExplainConnection(failure.error);
  const auto meaning = std::ranges::find_if(kSqlMeanings, [&](const ClassMeaning& each) {
    return std::string_view(failure.sqlstate).starts_with(each.sqlstate);
  });
  const std::string mend =
      meaning->mend == "CREATE" ? CreateTable(spec) : std::string(meaning->mend);
  return {std::string(meaning->reason),
          fmt::format("table {}: {}{}{}", spec.table, failure.error.message,
                      mend.empty() ? "" : "; ", mend),
          meaning->retryable, meaning->whole_target};
}

}  // namespace stoker::warming
