// Templates, globs, and the sources that need no server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/source/byte_reader.h"
#include "controller/warming/source/glob.h"
#include "controller/warming/source/line_source.h"
#include "controller/warming/source/pattern_source.h"
#include "controller/warming/source/sitemap.h"
#include "controller/warming/source/template.h"
#include "tests/support/gzip.h"

namespace stoker::warming {
namespace {

using stoker::testing::Gzip;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Keys(LocalSource& source) {
  std::vector<std::string> keys;
  EntryChunk chunk;
  for (bool more = true; more;) {
    chunk.Clear();
    auto pulled = source.Pull(chunk);
    EXPECT_TRUE(pulled) << pulled.error().message;
    if (!pulled) break;
    more = *pulled;
    for (const Entry& entry : chunk.entries) keys.emplace_back(chunk.Key(entry));
  }
  return keys;
}

std::string Rendered(std::string_view text, std::string_view value,
                     Template::Kind kind = Template::Kind::kUrl) {
  const std::vector<std::string> known = {"key"};
  auto parsed = Template::Parse(text, kind, known);
  if (!parsed) return "error: " + parsed.error().message;
  std::string out;
  const std::string_view values[] = {value};
  parsed->Render(values, out);
  return out;
}

TEST(Template, EscapesAsRfc6570Says) {
  EXPECT_EQ(Rendered("http://h/{key}", "a b/c?d=\xC3\xA9"), "http://h/a%20b%2Fc%3Fd%3D%C3%A9");
  EXPECT_EQ(Rendered("http://h{+key}", "/a b/c?d=%41%"), "http://h/a%20b/c?d=%41%25");
  EXPECT_EQ(Rendered("p:{key}:{key}", "a b/c", Template::Kind::kKey), "p:a b/c:a b/c");
  EXPECT_EQ(Rendered("plain", "x"), "plain");
}

TEST(Template, RefusesWhatItDoesNotKnowAndSaysWhatItKnows) {
  EXPECT_THAT(Rendered("{id}", ""), HasSubstr("unknown variable {id}; known here: {key}"));
  EXPECT_THAT(Rendered("{key", ""), HasSubstr("closes"));
  EXPECT_THAT(Rendered("key}", ""), HasSubstr("opened"));
}

TEST(Glob, MatchesWhatAShellWould) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } rows[] = {{"*", "", true},
              {"product:*", "product:1", true},
              {"product:*", "prod:1", false},
              {"a?c", "abc", true},
              {"a?c", "ac", false},
              {"*:de", "x:y:de", true},
              {"*a*b*c", "xaxbxc", true},
              {"*a*b*c", "xaxcxb", false},
              {"a\\*", "a*", true},
              {"a\\*", "ab", false},
              {"", "", true},
              {"", "a", false}};
  for (const auto& row : rows)
    EXPECT_EQ(GlobMatches(row.pattern, row.text), row.matches) << row.pattern << " " << row.text;
  EXPECT_FALSE(GlobMatches("*a*a*a*a*a*a*a*a*b", std::string(50'000, 'a')));  // in no time
}

api::PatternVariable Range(const char* name, std::int64_t from, std::int64_t to) {
  api::PatternVariable variable;
  variable.name = name;
  variable.from = from;
  variable.to = to;
  return variable;
}

TEST(PatternSource, MovesTheFirstVariableSlowest) {
  api::PatternVariable lang;
  lang.name = "lang";
  lang.values = {"de", "en"};
  auto source = MakePatternSource({"p:{id}:{lang}", {Range("id", -1, 1), lang}}, {});
  EXPECT_THAT(Keys(**source),
              ElementsAre("p:-1:de", "p:-1:en", "p:0:de", "p:0:en", "p:1:de", "p:1:en"));
}

TEST(PatternSource, CountsWithoutExpandingAndRefusesTheAbsurd) {
  EXPECT_EQ(*CountPattern({"{a}{b}", {Range("a", 1, 1'000'000), Range("b", 1, 1'000'000)}}),
            1'000'000'000'000);
  const auto huge = CountPattern({"{a}{b}", {Range("a", 0, 1'000'000), Range("b", 1, 1'000'000)}});
  ASSERT_FALSE(huge);
  EXPECT_THAT(huge.error().message, HasSubstr("narrow the variable \"b\""));
  EXPECT_FALSE(CountPattern({"{a}", {Range("a", INT64_MIN, INT64_MAX)}}));
  EXPECT_EQ(*CountPattern({"{a}", {Range("a", 2, 1)}}), 0);
}

TEST(LineSource, ReadsKeysAndScoresWhateverTheLineEnds) {
  LineSource source(ReadString("a\r\n\n  \nb\t2.5\nc\tx\nlast"),
                    {.scores = true, .key_template = {}});
  EntryChunk chunk;
  EXPECT_FALSE(*source.Pull(chunk));
  ASSERT_EQ(chunk.entries.size(), 4U);
  EXPECT_EQ(chunk.Key(chunk.entries[0]), "a");
  EXPECT_EQ(chunk.entries[1].score, 2.5);
  EXPECT_EQ(chunk.entries[2].defect, EntryDefect::kBadLine);
  EXPECT_EQ(chunk.Key(chunk.entries[3]), "last");
}

TEST(LineSource, ReportsALineThatIsTooLongAndGoesOn) {
  LineSource source(ReadString("a\n" + std::string(200'000, 'x') + "\nb\n"), {});
  EntryChunk chunk;
  EXPECT_FALSE(*source.Pull(chunk));
  ASSERT_EQ(chunk.entries.size(), 3U);
  EXPECT_EQ(chunk.entries[1].defect, EntryDefect::kKeyTooLong);
  EXPECT_EQ(chunk.Key(chunk.entries[2]), "b");
}

TEST(LineSource, InflatesGzipOfSeveralMembers) {
  LineSource source(ReadMaybeGzip(ReadString(Gzip("a\nb\n") + Gzip("c\n")), 1000), {});
  EXPECT_THAT(Keys(source), ElementsAre("a", "b", "c"));
}

TEST(LineSource, RefusesDamagedAndExplodingGzip) {
  const std::string good = Gzip(std::string(100'000, 'a'));
  EntryChunk chunk;
  LineSource cut(ReadMaybeGzip(ReadString(good.substr(0, good.size() / 2)), 1 << 20), {});
  auto result = cut.Pull(chunk);
  while (result && *result) result = cut.Pull(chunk);
  EXPECT_FALSE(result);
  LineSource bomb(ReadMaybeGzip(ReadString(good), 1000), {});
  result = bomb.Pull(chunk);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kExhausted);
}

TEST(Spool, GivesBackWhatWentInAndKeepsItsCap) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "key:" + std::to_string(i) + "\n";
  for (const std::string& input : {text, Gzip(text), std::string("x"), std::string()}) {
    Spool spool(1 << 20);
    ASSERT_TRUE(spool.Append("forgotten by the restart"));
    spool.Restart();
    for (std::size_t at = 0; at < input.size(); at += 1000)
      ASSERT_TRUE(spool.Append(input.substr(at, 1000)));
    spool.Finish();
    auto reader = spool.TakeReader(1 << 30);
    std::string back;
    for (auto piece = reader->Read(); piece && !piece->empty(); piece = reader->Read())
      back += *piece;
    EXPECT_EQ(back, input.starts_with('\x1f') ? text : input);
  }
  Spool small(100);
  bool room = true;
  for (int i = 0; i < 100 && room; ++i) room = small.Append(Gzip(std::to_string(i)));
  EXPECT_FALSE(room);
}

TEST(Sitemap, ReadsPagesIndexesAndGzip) {
  const std::string pages =
      "<?xml version='1.0'?><s:urlset xmlns:s='x'><s:url><s:loc> http://h/a?b=1&amp;c=2 </s:loc>"
      "<s:priority>0.9</s:priority></s:url><s:url><s:loc>http://h/b</s:loc></s:url></s:urlset>";
  for (const std::string& body : {pages, Gzip(pages)}) {
    const auto document = ParseSitemap(body);
    ASSERT_TRUE(document) << document.error().message;
    EXPECT_FALSE(document->index);
    ASSERT_EQ(document->items.size(), 2U);
    EXPECT_EQ(document->items[0].location, "http://h/a?b=1&c=2");
    EXPECT_EQ(document->items[0].priority, 0.9);
    EXPECT_EQ(document->items[1].priority, 0.5);
  }
  EXPECT_TRUE(
      ParseSitemap("<sitemapindex><sitemap><loc>http://h/1.xml</loc></sitemap></sitemapindex>")
          ->index);
  EXPECT_THAT(ParseSitemap("<html></html>").error().message, HasSubstr("no sitemap"));
  EXPECT_THAT(ParseSitemap("<urlset><url>").error().message, HasSubstr("not well-formed"));
}

}  // namespace
}  // namespace stoker::warming
