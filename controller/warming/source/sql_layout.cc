#include "controller/warming/source/sql_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/warming/source/entry_fields.h"

namespace stoker::warming {
namespace {

constexpr std::uint32_t kPostgresInterval = 1186;

std::vector<std::string> NamesOf(const std::vector<PostgresColumn>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

std::string ListOf(const std::vector<PostgresColumn>& columns) {
  std::string list;
  for (const auto& column : columns) list += (list.empty() ? "" : ", ") + column.name;
  return list.empty() ? "none" : list;
}

// Two columns of one name cannot be told apart.
Result<const PostgresColumn*> FindColumn(const std::string& name,
                                         const std::vector<PostgresColumn>& described) {
  const auto named = [&](const PostgresColumn& column) { return column.name == name; };
  const auto found = std::find_if(described.begin(), described.end(), named);
  if (found == described.end()) {
    return Invalid(
        fmt::format("the query has no column \"{}\"; its columns are {}", name, ListOf(described)));
  }
  if (std::find_if(found + 1, described.end(), named) != described.end()) {
    return Invalid(fmt::format("the query has two columns \"{}\"; name one of them with AS", name));
  }
  return &*found;
}

std::string AsText(const std::string& name) {
  return "q." + PostgresConnection::Identifier(name) + "::text";
}

std::string TextOf(const PostgresColumn& column) {
  if (column.type == kPostgresInterval)
    return fmt::format("extract(epoch from q.{})::text",
                       PostgresConnection::Identifier(column.name));
  return AsText(column.name);
}

// The same text as the template gives; NULL counts as nothing, and is judged where it is read.
std::string KeyText(const Template& key, const std::vector<std::string>& columns) {
  std::string text;
  const auto add = [&](const std::string& piece) { text += (text.empty() ? "" : " || ") + piece; };
  key.Walk(
      [&](std::string_view literal) {
        std::string hex;  // however the session quotes
        for (const char c : literal) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
        add(fmt::format("convert_from(decode('{}', 'hex'), 'UTF8')", hex));
      },
      [&](std::size_t place) { add("coalesce(" + AsText(columns[place]) + ", '')"); });
  return text;
}

std::string WithoutSemicolon(std::string query) {
  while (!query.empty() &&
         std::string_view("; \t\r\n").find(query.back()) != std::string_view::npos)
    query.pop_back();
  return query;
}

}  // namespace

std::size_t SqlLayout::Select(std::string expression) {
  const auto known = std::find(select_.begin(), select_.end(), expression);
  if (known != select_.end()) return static_cast<std::size_t>(known - select_.begin());
  select_.push_back(std::move(expression));
  return select_.size() - 1;
}

Result<std::optional<std::size_t>> SqlLayout::SelectNamed(
    const char* field, const std::string& name, const std::vector<PostgresColumn>& described) {
  if (name.empty()) return std::optional<std::size_t>();
  const auto column = FindColumn(name, described);
  if (!column) return Annotate(field, column.error());
  return std::optional(Select(TextOf(**column)));
}

Result<SqlLayout> SqlLayout::Make(const api::SqlSource& spec,
                                  const std::vector<PostgresColumn>& described,
                                  const std::vector<std::string>& url_columns) {
  SqlLayout layout;
  layout.query_ = WithoutSemicolon(spec.query);
  if (described.empty()) return Invalid("query: it yields no columns; write a SELECT");
  const std::vector<std::string> names = NamesOf(described);
  auto key = Template::Parse(spec.key_template, Template::Kind::kKey, names);
  if (!key) return Annotate("keyTemplate", key.error());
  std::vector<std::string> used;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!key->Uses(i)) continue;
    const auto column = FindColumn(names[i], described);
    if (!column) return Annotate("keyTemplate", column.error());
    used.push_back(names[i]);
    layout.key_places_.push_back(layout.Select(AsText(names[i])));
  }
  STOKER_TRY(layout.key_, Template::Parse(spec.key_template, Template::Kind::kKey, used));
  layout.key_text_ = KeyText(layout.key_, used);
  const bool carries = !spec.value_column.empty();
  if (carries) layout.empty_columns_ = url_columns.size();
  for (std::size_t i = 0; !carries && i < url_columns.size(); ++i) {
    const auto column = FindColumn(url_columns[i], described);
    if (!column) return Annotate("the origin's url", column.error());
    layout.column_places_.push_back(layout.Select(AsText(url_columns[i])));
  }
  STOKER_TRY(layout.score_, layout.SelectNamed("scoreColumn", spec.score_column, described));
  STOKER_TRY(layout.ttl_, layout.SelectNamed("ttlColumn", spec.ttl_column, described));
  if (carries) {
    const auto value = FindColumn(spec.value_column, described);
    if (!value) return Annotate("valueColumn", value.error());
    const bool bytes = (*value)->type == kPostgresBytea;
    layout.value_ = layout.Select(bytes ? "q." + PostgresConnection::Identifier((*value)->name)
                                        : AsText((*value)->name));
  }
  if (!spec.order_by.empty()) {
    const auto column = FindColumn(spec.order_by, described);
    if (!column) return Annotate("orderBy", column.error());
    layout.order_ = layout.Select(AsText(spec.order_by));
    layout.order_by_ = "q." + PostgresConnection::Identifier(spec.order_by);
  }
  return layout;
}

std::string SqlLayout::Statement(const std::optional<std::string>& after,
                                 std::optional<std::int64_t> limit) const {
  std::string clauses;
  if (after) clauses += " WHERE " + order_by_ + " > " + *after;
  if (!share_.empty()) clauses += (after ? " AND " : " WHERE ") + share_;
  if (!order_by_.empty()) clauses += " ORDER BY " + order_by_;
  if (limit) clauses += fmt::format(" LIMIT {}", *limit);
  return Copy(clauses);
}

void SqlLayout::KeepTo(int shard, int shards) {
  // ShardOf() of Md5Head() in the upper half.
  share_ = fmt::format(
      "((('x' || left(md5(convert_to({}, 'UTF8')), 8))::bit(32)::bigint * {}) >> 32) = {}",
      key_text_, shards, shard);
}

std::string SqlLayout::StatementForNull() const {
  return Copy(" WHERE " + order_by_ + " IS NULL LIMIT 1");
}

std::string SqlLayout::Copy(const std::string& clauses) const {
  std::string text = "COPY (SELECT ";
  for (std::size_t i = 0; i < select_.size(); ++i) text += (i == 0 ? "" : ", ") + select_[i];
  // The line break ends a comment.
  return text + " FROM (\n" + query_ + "\n) AS q" + clauses + ") TO STDOUT (FORMAT binary)";
}

std::optional<std::string_view> SqlLayout::OrderValue(const CopyReader::Row& row) const {
  return order_ ? row[*order_] : std::nullopt;
}

void SqlLayout::Append(const CopyReader::Row& row, EntryChunk& chunk) const {
  EntryFields fields;
  if (ttl_ && row[*ttl_]) fields.SetTtl(ParseNumber(*row[*ttl_]));
  if (fields.expired) return;
  if (score_) fields.SetScore(row[*score_] ? ParseNumber(*row[*score_]) : 0);
  const auto text = [&](std::size_t place) {
    if (!row[place]) fields.defect = EntryDefect::kMissingField;
    return row[place].value_or(std::string_view());
  };
  std::vector<std::string_view> values;
  values.reserve(key_places_.size());
  for (const std::size_t place : key_places_) values.push_back(text(place));

  AppendKey(key_, values, fields.score, chunk);
  for (const std::size_t place : column_places_) chunk.AppendColumn(text(place));
  for (std::size_t i = 0; i < empty_columns_; ++i) chunk.AppendColumn({});
  const std::string_view value = value_ ? text(*value_) : std::string_view();
  if (value.size() > kMaxValueBytes) fields.defect = EntryDefect::kValueTooLarge;
  fields.CloseEntry(chunk);
  if (value_ && chunk.entries.back().defect == EntryDefect::kNone) chunk.AppendValue(value);
}

}  // namespace stoker::warming
