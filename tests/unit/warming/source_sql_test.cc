// Connection strings, COPY data and query layouts: all of SQL sources that needs no server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/postgres/connection_string.h"
#include "controller/warming/postgres/copy_reader.h"
#include "controller/warming/postgres/errors.h"
#include "controller/warming/source/sql_layout.h"

namespace stoker::warming {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string HostsOf(const std::string& text) {
  const auto options = ParseConnectionString(text);
  if (!options) return options.error().message;
  std::string hosts;
  for (const auto& host : options->hosts) hosts += host.name + ":" + host.port + " ";
  return hosts + options->user + " " + options->database + " " + options->ssl_mode;
}

TEST(ConnectionString, TakesUrlsAndKeywords) {
  const struct {
    const char* text;
    const char* meaning;
  } cases[] = {
      {"postgresql://u:p@db.shop/shop", "db.shop:5432 u shop prefer"},
      {"postgres://u:p%40@db:6432/shop?sslmode=verify-full", "db:6432 u shop verify-full"},
      {"host=db user=u password='a b' dbname=shop", "db:5432 u shop prefer"},
      {"postgresql://u@a:1,b:2/shop", "a:1 b:2 u shop prefer"},
      {"host=a,b port=7 user=u", "a:7 b:7 u u prefer"},
      {"postgresql://u@[::1]:5432/shop", "::1:5432 u shop prefer"},
  };
  for (const auto& c : cases) EXPECT_EQ(HostsOf(c.text), c.meaning) << c.text;
}

TEST(ConnectionString, RefusesWhatWouldReachPastItAndTellsNoSecret) {
  const struct {
    const char* text;
    const char* complaint;
  } cases[] = {
      {"host=db hostaddr=169.254.169.254 user=u", "\"hostaddr\""},
      {"host=db user=u sslkey=/etc/key", "\"sslkey\""},
      {"host=db user=u passfile=/etc/shadow", "\"passfile\""},
      {"host=db user=u service=other", "\"service\""},
      {"host=db user=u sslrootcert=/etc/ca", "\"sslrootcert\""},
      {"host=/var/run/postgresql user=u", "unix socket"},
      {"host=@abstract user=u", "unix socket"},
      {"user=u", "must name a host"},
      {"host=db", "must name a user"},
      {"host=db port=99999 user=u", "no number of 1 to 65535"},
      {"host=a,b port=1,2,3 user=u", "as many ports as hosts"},
      {"host=db user=u sslmode=maybe", "unknown sslmode"},
      {"t0p-secret", "is no connection string"},
      {"postgresql://u:t0p-secret@[db/shop", "is no connection string"},
  };
  for (const auto& c : cases) {
    const auto options = ParseConnectionString(c.text);
    ASSERT_FALSE(options) << c.text;
    EXPECT_THAT(options.error().message, HasSubstr(c.complaint)) << c.text;
    EXPECT_THAT(options.error().message, Not(HasSubstr("t0p"))) << c.text;
  }
}

std::string Number(std::uint32_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

std::string CopyHeader() {
  return std::string("PGCOPY\n\377\r\n\0", 11) + Number(0, 4) + Number(0, 4);
}

std::string CopyRow(const std::vector<std::optional<std::string>>& fields) {
  std::string row = Number(static_cast<std::uint32_t>(fields.size()), 2);
  for (const auto& field : fields) {
    row += field ? Number(static_cast<std::uint32_t>(field->size()), 4) + *field
                 : Number(0xFFFFFFFF, 4);
  }
  return row;
}

TEST(CopyReader, ReadsRowsCutAnywhere) {
  const std::string text = CopyHeader() + CopyRow({"a", std::nullopt}) +
                           CopyRow({"", std::string("\0\n", 2)}) + Number(0xFFFF, 2);
  for (std::size_t step = 1; step <= text.size(); ++step) {
    CopyReader reader(2, 1 << 20);
    CopyReader::Row row;
    std::string seen;
    for (std::size_t at = 0; at < text.size(); at += step) {
      reader.Append(std::string_view(text).substr(at, step));
      for (auto next = reader.Next(row); next && *next; next = reader.Next(row)) {
        for (const auto& field : row) seen += field ? "[" + std::string(*field) + "]" : "NULL";
      }
    }
    EXPECT_EQ(seen, std::string("[a]NULL[][\0\n]", 13)) << step;
    EXPECT_TRUE(reader.Ended()) << step;
  }
}

TEST(CopyReader, RefusesWhatIsNoCopyAndWhatIsTooLarge) {
  const struct {
    std::string bytes;
    Code code;
  } cases[] = {
      {"PGCOPX", Code::kInvalid},
      {CopyHeader().substr(0, 15) + Number(1 << 30, 4), Code::kInvalid},
      {CopyHeader() + CopyRow({"one"}), Code::kInvalid},
      {CopyHeader() + Number(2, 2) + Number(0x80000000, 4), Code::kInvalid},
      {CopyHeader() + Number(2, 2) + Number(1 << 20, 4), Code::kExhausted},
  };
  for (const auto& c : cases) {
    CopyReader reader(2, 1000);
    CopyReader::Row row;
    reader.Append(c.bytes);
    const auto next = reader.Next(row);
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, c.code);
  }
}

api::SqlSource Query() {
  api::SqlSource spec;
  spec.query = "select id, data, score, ttl, odd from t; ";
  spec.key_template = "t:{id}";
  return spec;
}

const std::vector<PostgresColumn> kColumns = {{"id", 20},         {"data", kPostgresBytea},
                                              {"score", 701},     {"ttl", 1186},
                                              {"odd \"name", 25}, {"twice", 25},
                                              {"twice", 25}};

TEST(SqlLayout, SelectsWhatIsUsedAndPages) {
  api::SqlSource spec = Query();
  spec.value_column = "data";
  spec.ttl_column = "ttl";
  spec.order_by = "odd \"name";
  const auto layout = SqlLayout::Make(spec, kColumns, {});
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->Statement("'it''s'", 10),
            "COPY (SELECT q.\"id\"::text, extract(epoch from q.\"ttl\")::text, q.\"data\", "
            "q.\"odd \"\"name\"::text FROM (\nselect id, data, score, ttl, odd from t\n) AS q "
            "WHERE q.\"odd \"\"name\" > 'it''s' ORDER BY q.\"odd \"\"name\" LIMIT 10) "
            "TO STDOUT (FORMAT binary)");
}

TEST(SqlLayout, AsksForItsShareOfTheKeysAlone) {
  api::SqlSource spec = Query();
  spec.key_template = "k'{id}";
  auto layout = SqlLayout::Make(spec, kColumns, {});
  ASSERT_TRUE(layout) << layout.error().message;
  layout->KeepTo(1, 3);
  const std::string share =
      "((('x' || left(md5(convert_to(convert_from(decode('6b27', 'hex'), 'UTF8') || "
      "coalesce(q.\"id\"::text, ''), 'UTF8')), 8))::bit(32)::bigint * 3) >> 32) = 1";
  EXPECT_THAT(layout->Statement({}, {}), HasSubstr("AS q WHERE " + share + ") TO"));
  spec.order_by = "score";
  layout = SqlLayout::Make(spec, kColumns, {});
  ASSERT_TRUE(layout) << layout.error().message;
  layout->KeepTo(1, 3);
  EXPECT_THAT(layout->Statement("'7'", {}),
              HasSubstr("WHERE q.\"score\" > '7' AND " + share + " ORDER BY"));
}

TEST(SqlLayout, NamesTheFieldAndTheColumnsThereAre) {
  const auto complaint = [](auto change, const std::vector<std::string>& url = {}) {
    api::SqlSource spec = Query();
    change(spec);
    const auto layout = SqlLayout::Make(spec, kColumns, url);
    return layout ? std::string() : layout.error().message;
  };
  const auto none = [](api::SqlSource&) {};
  EXPECT_THAT(complaint([](auto& s) { s.key_template = "{di}"; }), HasSubstr("keyTemplate: "));
  EXPECT_THAT(complaint([](auto& s) { s.key_template = "{twice}"; }), HasSubstr("two columns"));
  EXPECT_THAT(complaint([](auto& s) { s.value_column = "x"; }),
              HasSubstr("valueColumn: the query has no column \"x\"; its columns are id, data"));
  EXPECT_THAT(complaint([](auto& s) { s.score_column = "x"; }), HasSubstr("scoreColumn: "));
  EXPECT_THAT(complaint([](auto& s) { s.ttl_column = "x"; }), HasSubstr("ttlColumn: "));
  EXPECT_THAT(complaint([](auto& s) { s.order_by = "x"; }), HasSubstr("orderBy: "));
  EXPECT_THAT(complaint(none, {"x"}), HasSubstr("the origin's url: "));
  EXPECT_EQ(complaint(none, {"score"}), "");
}

TEST(SqlLayout, MakesEntriesOfRows) {
  api::SqlSource spec = Query();
  spec.value_column = "data";
  spec.score_column = "score";
  spec.ttl_column = "ttl";
  const auto layout = SqlLayout::Make(spec, kColumns, {"unknown here"});
  ASSERT_TRUE(layout) << layout.error().message;
  using Field = std::optional<std::string_view>;
  const struct {
    std::vector<Field> row;  // id, score, ttl, data
    EntryDefect defect;
    double score;
    std::int64_t ttl_ms;
  } cases[] = {
      {{"1", "2.5", "60", "v"}, EntryDefect::kNone, 2.5, 60'000},
      {{"1", std::nullopt, std::nullopt, ""}, EntryDefect::kNone, 0, 0},
      {{"1", "1", "0.0001", "v"}, EntryDefect::kNone, 1, 1},
      {{"1", "1", "1e300", "v"}, EntryDefect::kNone, 1, 315'360'000'000},
      {{std::nullopt, "1", "1", "v"}, EntryDefect::kMissingField, 1, 1000},
      {{"1", "1", "1", std::nullopt}, EntryDefect::kMissingField, 1, 1000},
      {{"1", "NaN", "1", "v"}, EntryDefect::kBadScore, 0, 1000},
      {{"1", "1", "soon", "v"}, EntryDefect::kBadTtl, 1, 0},
  };
  for (const auto& c : cases) {
    EntryChunk chunk;
    layout->Append(c.row, chunk);
    ASSERT_EQ(chunk.entries.size(), 1U);
    const Entry& entry = chunk.entries[0];
    EXPECT_EQ(entry.defect, c.defect);
    EXPECT_EQ(entry.score, c.score);
    EXPECT_EQ(entry.ttl_ms, c.ttl_ms);
    EXPECT_EQ(entry.carries_value, c.defect == EntryDefect::kNone);
    if (entry.carries_value) EXPECT_EQ(chunk.Value(entry, 1), *c.row[3]);
  }
  EntryChunk chunk;
  layout->Append({"1", "1", "-5", "v"}, chunk);
  EXPECT_TRUE(chunk.entries.empty()) << "what has expired is left out";
}

TEST(PostgresErrors, SayWhetherWaitingMayHelp) {
  const struct {
    const char* text;
    Code code;
    const char* sentence;
  } cases[] = {
      {"connection to server at \"db\" (10.0.0.1), port 5432 failed: Connection refused\n\tIs the",
       Code::kUnavailable, "db:5432: Connection refused"},
      {"connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  password "
       "authentication failed for user \"u\"\n",
       Code::kPermission, "db:5432: password authentication failed for user \"u\""},
      {"x failed: FATAL:  the database system is starting up\n", Code::kUnavailable,
       "db:5432: the database system is starting up"},
      {"", Code::kUnavailable, "db:5432: the connection was not made"},
  };
  for (const auto& c : cases) {
    const Error error = ExplainConnectFailure("db:5432", c.text);
    EXPECT_EQ(error.code, c.code) << c.text;
    EXPECT_EQ(error.message, c.sentence);
  }
  EXPECT_EQ(ExplainServerError("42P01", "relation \"t\" does not exist").code, Code::kInvalid);
  EXPECT_EQ(ExplainServerError("57014", "canceling statement").code, Code::kTimeout);
  EXPECT_EQ(ExplainServerError("57P01", "terminating connection").code, Code::kUnavailable);
  EXPECT_THAT(ExplainServerError("57014", "canceling statement due to statement timeout").message,
              HasSubstr("raise statementTimeout"));
  EXPECT_EQ(ExplainServerError("XX000", std::string(5000, 'x')).message.size(), 300U);
}

}  // namespace
}  // namespace stoker::warming
