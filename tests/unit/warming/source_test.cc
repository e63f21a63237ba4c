// Templates, globs, and the sources that need no server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "controller/warming/source/byte_reader.h"
#include "controller/warming/source/entry_fields.h"
#include "controller/warming/source/glob.h"
#include "controller/warming/source/http_source.h"
#include "controller/warming/source/line_source.h"
#include "controller/warming/source/make_source.h"
#include "controller/warming/source/pattern_source.h"
#include "controller/warming/source/sitemap.h"
#include "controller/warming/source/template.h"
#include "tests/support/gzip.h"
#include "tests/support/loop_runner.h"

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

TEST(Template, OfAValueHasBracesOfItsOwnWhichStandDoubled) {
  const auto value = [](std::string_view text) {
    return Rendered(text, "7", Template::Kind::kValue);
  };
  EXPECT_EQ(value(R"({{"id": {key}}})"), R"({"id": 7})");
  EXPECT_EQ(value("{{{key}}}"), "{7}");
  EXPECT_EQ(value("{{key}}"), "{key}");
  EXPECT_EQ(value("{{{{"), "{{");
  EXPECT_THAT(value("{{{"), HasSubstr("closes"));
  EXPECT_THAT(value("{key}}"), HasSubstr("opened"));
  EXPECT_THAT(value("{id}"), HasSubstr("unknown variable {id}"));
  EXPECT_THAT(Rendered("{{key}}", "7", Template::Kind::kKey), HasSubstr("closes"));
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

TEST(PatternSource, GivesEntriesTheirValues) {
  auto source =
      MakePatternSource({"p:{id}", {Range("id", 1, 2)}, R"({{"id":{id},"key":"{key}"}})"}, {"x"});
  ASSERT_TRUE(source) << source.error().message;
  EntryChunk chunk;
  EXPECT_FALSE(*(*source)->Pull(chunk));
  ASSERT_EQ(chunk.entries.size(), 2U);
  EXPECT_TRUE(chunk.entries[1].carries_value);
  EXPECT_EQ(chunk.Column(chunk.entries[1], 0), "");  // a column that another source's URL uses
  EXPECT_EQ(chunk.Value(chunk.entries[0], 1), R"({"id":1,"key":"p:1"})");
  EXPECT_EQ(chunk.Value(chunk.entries[1], 1), R"({"id":2,"key":"p:2"})");
  const auto bad = MakePatternSource({"p:{id}", {Range("id", 1, 2)}, "{price}"}, {});
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("unknown variable {price}; known here: {id}, {key}"));
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

// 51 times {key} in 256 characters: what a policy may say, and no chunk may hold.
Template Repeated() {
  std::string text;
  for (int i = 0; i < 51; ++i) text += "{key}";
  return *Template::Parse(text, Template::Kind::kKey, std::vector<std::string>{"key"});
}

TEST(AppendKey, RendersNoMoreOfAKeyThanAKeyMayHave) {
  const std::string value(1 << 20, 'x');
  const std::string_view values[] = {value};
  EntryChunk chunk;
  EXPECT_EQ(AppendKey(Repeated(), values, 7, chunk).defect, EntryDefect::kKeyTooLong);
  EXPECT_EQ(chunk.Key(chunk.entries[0]).size(), kMaxKeyBytes);
  EXPECT_LT(chunk.text.capacity(), 2 * kMaxKeyBytes) << "the rest was rendered, too";
  const std::string_view longest[] = {std::string_view(value).substr(0, kMaxKeyBytes)};
  const auto plain =
      Template::Parse("{key}", Template::Kind::kKey, std::vector<std::string>{"key"});
  EXPECT_EQ(AppendKey(*plain, longest, 7, chunk).defect, EntryDefect::kNone);
  EXPECT_EQ(chunk.Key(chunk.entries[1]), longest[0]);
  EXPECT_EQ(chunk.entries[1].score, 7);
}

// Gives one document for every URL.
class OneDocument final : public SourceFetcher {
 public:
  explicit OneDocument(std::string body) : body_(std::move(body)) {}
  asio::awaitable<Status> Download(const std::string&, std::size_t, std::function<void()> restart,
                                   BodySink sink, std::string*) override {
    restart();
    sink(body_);
    co_return Status{};
  }

 private:
  const std::string body_;
};

TEST(Sources, EndAChunkByItsBytesToo) {
  constexpr int kEntries = 40;
  std::string lines, sitemap = "<urlset>";
  std::vector<std::string> keys;
  for (int i = 0; i < kEntries; ++i) {
    keys.push_back(std::string(60'000, 'k') + std::to_string(i));
    lines += keys.back() + "\n";
    sitemap += "<url><loc>http://h/" + keys.back() + "</loc></url>";
  }
  OneDocument document(sitemap + "</urlset>");
  api::HttpSource map;
  map.url = "http://h/sitemap.xml";
  map.key_template = "{key}";
  api::PatternVariable variable;
  variable.name = "v";
  variable.values = keys;
  std::map<const char*, std::unique_ptr<Source>> sources;
  sources["keys"] = MakeKeyListSource(keys);
  sources["lines"] = std::make_unique<LineSource>(ReadString(lines), LineOptions());
  sources["template"] =
      std::make_unique<LineSource>(ReadString(lines), LineOptions{false, Repeated()});
  sources["pattern"] = *MakePatternSource({"{v}", {variable}}, {});
  sources["sitemap"] = *MakeSitemapSource(map, {}, document);
  for (auto& [name, source] : sources) {
    asio::io_context loop;
    std::size_t entries = 0;
    EntryChunk chunk;
    for (bool more = true; more; chunk.Clear()) {
      const auto next = stoker::testing::RunOn(loop, source->Next(chunk));
      ASSERT_TRUE(next) << name << next.error().message;
      EXPECT_LE(chunk.text.size(), kChunkBytes + kMaxKeyBytes) << name;
      entries += chunk.entries.size();
      more = *next;
    }
    EXPECT_EQ(entries, kEntries) << name;
  }
}

TEST(EntryChunk, LeavesOutWhatIsBeyondItsRoomAndSaysSo) {
  const std::string value(60 << 20, 'v');
  EntryChunk chunk;
  for (const char* key : {"a", "b", "c"}) {
    chunk.Append(key, 1);
    chunk.AppendValue(value);
  }
  chunk.Append(std::string(kMaxChunkText - chunk.text.size() - 1, 'k'), 1);
  chunk.Append("too long", 1);
  EXPECT_LE(chunk.text.size(), kMaxChunkText);
  EXPECT_EQ(chunk.Value(chunk.entries[1], 0).size(), value.size());
  EXPECT_EQ(chunk.entries[1].defect, EntryDefect::kNone);
  EXPECT_EQ(chunk.Key(chunk.entries[2]), "c");
  EXPECT_EQ(chunk.Value(chunk.entries[2], 0), "");
  EXPECT_EQ(chunk.entries[2].defect, EntryDefect::kValueTooLarge);
  EXPECT_EQ(chunk.entries[3].defect, EntryDefect::kNone);
  EXPECT_EQ(chunk.Key(chunk.entries[4]), "");
  EXPECT_EQ(chunk.entries[4].defect, EntryDefect::kKeyTooLong);

  EntryChunk other;
  other.Append("copied", 1);
  other.AppendValue("value");
  chunk.AppendFrom(other, other.entries[0], 0);
  EXPECT_EQ(chunk.entries[5].defect, EntryDefect::kValueTooLarge);
  EXPECT_EQ(chunk.Key(chunk.entries[5]), "");
}

TEST(FilteredSource, AKeyThatDoesNotMatchIsADefect) {
  api::Source spec;
  spec.key_pattern = "^[0-9a-f]{4}$";
  spec.exclude = {"x*"};
  FilteredSource source(spec, 3, nullptr);
  EntryChunk chunk;
  for (const char* key : {"00ff", "00fg", "x", "a00ff"}) chunk.Append(key, 1);
  EXPECT_TRUE(source.Filter(chunk));
  std::vector<EntryDefect> defects;
  for (const Entry& entry : chunk.entries) defects.push_back(entry.defect);
  EXPECT_THAT(defects, ElementsAre(EntryDefect::kNone, EntryDefect::kKeyMismatch,
                                   EntryDefect::kKeyMismatch));
}

TEST(FilteredSource, AScoreThatIsNoNumberIsADefect) {
  api::Source spec;
  spec.weight = 10;
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  FilteredSource source(spec, 0, nullptr);
  EntryChunk chunk;
  for (const double score : {1.0, 1e308, kInfinite, std::nan("")}) chunk.Append("k", score);
  EXPECT_TRUE(source.Filter(chunk));
  EXPECT_EQ(chunk.entries[0].score, 10);
  EXPECT_EQ(chunk.entries[0].defect, EntryDefect::kNone);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(chunk.entries[i].defect, EntryDefect::kBadScore) << i;
    EXPECT_EQ(chunk.entries[i].score, 0) << i;
  }
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
  for (const auto& [text, priority] : std::map<std::string, double>{
           {" 0.9\n", 0.9}, {"nan", 0.5}, {"inf", 0.5}, {"1e999", 0.5}, {"high", 0.5}, {"", 0.5}}) {
    const auto document = ParseSitemap("<urlset><url><loc>http://h/</loc><priority>" + text +
                                       "</priority></url></urlset>");
    EXPECT_EQ(document->items[0].priority, priority) << text;
  }
  EXPECT_TRUE(
      ParseSitemap("<sitemapindex><sitemap><loc>http://h/1.xml</loc></sitemap></sitemapindex>")
          ->index);
  EXPECT_THAT(ParseSitemap("<html></html>").error().message, HasSubstr("no sitemap"));
  std::string tags = "<urlset>";
  for (int i = 0; i < 4'000'000; ++i) tags += "<u/>";
  EXPECT_THAT(ParseSitemap(tags + "</urlset>").error().message, HasSubstr("tags and attributes"));
  EXPECT_THAT(ParseSitemap("<urlset><url>").error().message, HasSubstr("not well-formed"));
}

TEST(PatternSource, KnowsWhenNoTwoOfItsKeysAreEqual) {
  const api::PatternVariable id{"id", {}, 1, 300};
  const api::PatternVariable lang{"lang", {"de", "en"}, {}, {}};
  const api::PatternVariable twice{"lang", {"de", "de"}, {}, {}};
  const api::PatternVariable dashed{"lang", {"de", "de-at"}, {}, {}};
  struct Case {
    const char* text;
    std::vector<api::PatternVariable> variables;
    bool distinct;
  };
  const Case cases[] = {
      {"item:{id}", {id}, true},
      {"{id}.html", {id}, true},
      {"p:{id}:{lang}", {id, lang}, true},
      {"p:{lang}-{id}", {id, lang}, true},
      {"p:{lang}{id}", {id, lang}, false},     // nothing between them
      {"p:{lang}-{id}", {id, dashed}, false},  // "de-at" and "-7" hold what is between them
      {"p:{id}-{lang}", {id, lang}, false},    // a number may begin with "-", so may hold it
      {"p:{id}", {id, lang}, false},           // every language makes the same keys
      {"p:{id}:{lang}", {id, twice}, false},
  };
  for (const Case& c : cases) {
    const auto source = MakePatternSource({c.text, c.variables, {}}, {});
    ASSERT_TRUE(source) << source.error().message;
    EXPECT_EQ((*source)->Distinct(), c.distinct) << c.text;
  }
}

}  // namespace
}  // namespace stoker::warming
