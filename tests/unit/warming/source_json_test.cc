// Lists in JSON: pages, pointers, cursors and Link headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/json.h"
#include "controller/warming/source/json_list.h"
#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using testing::Bench;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::PatternRun;

TEST(NextLink, FindsTheNextPage) {
  const struct {
    const char* header;
    const char* next;
  } cases[] = {
      {"", ""},
      {"<http://h/2>; rel=\"next\"", "http://h/2"},
      {"</2>; rel=next", "/2"},
      {"</1>; rel=\"prev\", </3>; title=\"a, b; c\"; rel=\"last next\"", "/3"},
      {"</x>; rel=\"nextish\"", ""},
      {"</2", ""},
      {"garbage", ""},
      {"<>;;;=;rel", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(NextLink(c.header), c.next) << c.header;
}

TEST(WithParameter, SetsOnceAndEscapes) {
  EXPECT_EQ(WithParameter("http://h/p", "after", "a b&c"), "http://h/p?after=a%20b%26c");
  EXPECT_EQ(WithParameter("http://h/p?x=1&after=old", "after", "2"), "http://h/p?x=1&after=2");
  EXPECT_EQ(WithParameter("http://h/p?", "after", "2"), "http://h/p?after=2");
}

api::HttpSource Items() {
  api::HttpSource spec;
  spec.url = "http://lists.test/items?token=t0p";
  spec.format = api::HttpSource::Format::kJson;
  spec.key_template = "{id}";
  return spec;
}

TEST(JsonList, MakesEntriesOfItems) {
  api::HttpSource spec = Items();
  spec.fields = {{"id", "/meta/0/id"}};
  spec.score_pointer = "/score";
  spec.ttl_pointer = "/ttl";
  spec.value_pointer = "/value";
  const auto list = JsonList::Make(spec, {});
  ASSERT_TRUE(list) << list.error().message;
  const struct {
    const char* item;
    EntryDefect defect;
    const char* key;
    const char* value;
  } cases[] = {
      {R"({"meta":[{"id":7}],"value":"v","ttl":60})", EntryDefect::kNone, "7", "v"},
      {R"({"meta":[{"id":true}],"value":{"b":[1]}})", EntryDefect::kNone, "true", "{\"b\":[1]}"},
      {R"({"meta":[{"id":"x"}],"value":null})", EntryDefect::kMissingField, "x", ""},
      {R"({"meta":[],"value":"v"})", EntryDefect::kMissingField, "", ""},
      {R"({"meta":"text","value":"v"})", EntryDefect::kMissingField, "", ""},
      {R"({"meta":[{"id":1}],"value":"v","score":"x"})", EntryDefect::kBadScore, "1", ""},
      {R"({"meta":[{"id":1}],"value":"v","ttl":[]})", EntryDefect::kBadTtl, "1", ""},
      {"null", EntryDefect::kMissingField, "", ""},
  };
  for (const auto& c : cases) {
    EntryChunk chunk;
    list->Append(nlohmann::json::parse(c.item), chunk);
    ASSERT_EQ(chunk.entries.size(), 1U) << c.item;
    const Entry& entry = chunk.entries[0];
    EXPECT_EQ(entry.defect, c.defect) << c.item;
    EXPECT_EQ(chunk.Key(entry), c.key);
    if (entry.carries_value) EXPECT_EQ(chunk.Value(entry, 0), c.value);
  }
  EntryChunk chunk;
  list->Append(nlohmann::json::parse(R"({"meta":[{"id":1}],"value":"v","ttl":0})"), chunk);
  EXPECT_TRUE(chunk.entries.empty()) << "what has expired is left out";
}

TEST(JsonList, SaysWhatADocumentLacks) {
  api::HttpSource spec = Items();
  spec.json_pointer = "/data/items";
  const auto list = JsonList::Make(spec, {});
  ASSERT_TRUE(list);
  const auto complaint = [&](const char* body) {
    const auto page = list->Parse(body);
    return page ? std::string() : page.error().message;
  };
  EXPECT_EQ(complaint("{\"data\":{\"items\":[]}}"), "");
  EXPECT_THAT(complaint("<html>"), HasSubstr("the document is not JSON"));
  EXPECT_THAT(complaint("{\"data\":[]}"), HasSubstr("nothing at jsonPointer \"/data/items\""));
  EXPECT_THAT(complaint("{\"data\":{\"items\":1}}"), HasSubstr("is no array"));
  EXPECT_THAT(complaint(("[" + std::string(kMaxJsonPage, ' ') + "]").c_str()),
              HasSubstr("longer than"));
  spec.json_pointer = "data";
  EXPECT_THAT(JsonList::Make(spec, {}).error().message, HasSubstr("is no JSON pointer"));
}

TEST(JsonList, RefusesWhatNestsDeeperThanAStackCanFollow) {
  api::HttpSource spec = Items();
  spec.value_pointer = "/v";
  const auto list = JsonList::Make(spec, {});
  ASSERT_TRUE(list);
  const auto document = [](std::size_t depth) {
    return R"([{"id":1,"v":)" + std::string(depth, '[') + std::string(depth, ']') + "}]";
  };
  const auto page = list->Parse(document(kMostJsonDepth - 2));
  ASSERT_TRUE(page) << page.error().message;
  EntryChunk chunk;
  list->Append(page->items[0], chunk);
  EXPECT_EQ(chunk.Value(chunk.entries[0], 0).size(), 2U * (kMostJsonDepth - 2));
  const auto deep = list->Parse(document(kMaxJsonPage / 4));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message, "the document is nested more than 64 levels deep");
}

RunSpec JsonRun(const api::HttpSource& http) {
  RunSpec spec = PatternRun(1);
  spec.policy.sources[0].pattern.reset();
  spec.policy.sources[0].http = http;
  return spec;
}

std::vector<std::string> Warm(Bench& bench) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : bench.stores[0]->values) keys.push_back(key + "=" + value.value);
  return keys;
}

TEST(JsonSource, FollowsACursorFromPageToPage) {
  api::HttpSource http = Items();
  http.json_pointer = "/items";
  http.paging = {api::HttpPaging::Type::kCursor, "/next", "after", 10};
  Bench bench(JsonRun(http));
  bench.spec.policy.origins[0].http->url = "http://origin.test/{slug}";
  bench.documents->bodies["http://lists.test/items?token=t0p"] =
      R"({"items":[{"id":1,"slug":"a"},{"id":2,"slug":"b"}],"next":"x y"})";
  bench.documents->bodies["http://lists.test/items?token=t0p&after=x%20y"] =
      R"({"items":[{"id":3,"slug":"c"}],"next":null})";
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_THAT(Warm(bench), ElementsAre("1=http://origin.test/a", "2=http://origin.test/b",
                                       "3=http://origin.test/c"));
}

TEST(JsonSource, ACircleOfPagesAndTooManyOfThemEndTheRun) {
  api::HttpSource http = Items();
  http.json_pointer = "/items";
  http.paging = {api::HttpPaging::Type::kCursor, "/next", "", 10};
  Bench circle(JsonRun(http));
  circle.documents->bodies["http://lists.test/items?token=t0p"] =
      R"({"items":[],"next":"/items?p=2"})";
  circle.documents->bodies["http://lists.test:80/items?p=2"] = R"({"items":[],"next":"items?p=2"})";
  const Report report = circle.RunToEnd();
  EXPECT_EQ(report.reason, "SourceFailed");
  EXPECT_THAT(report.message, HasSubstr("lead in a circle"));
  EXPECT_THAT(report.message, Not(HasSubstr("t0p")));
  http.paging.max_pages = 1;
  Bench many(JsonRun(http));
  many.documents->bodies = circle.documents->bodies;
  EXPECT_THAT(many.RunToEnd().message, HasSubstr("raise paging.maxPages"));
}

TEST(JsonSource, WritesTheValuesOfItemsWithoutAnOrigin) {
  api::HttpSource http = Items();
  http.value_pointer = "/body";
  Bench bench(JsonRun(http));
  bench.spec.policy.origins.clear();
  bench.documents->bodies[http.url] = R"([{"id":1,"body":"v"},{"id":2}])";
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 1) << report.message;
  EXPECT_EQ(report.progress.tally.failed, 1);
  EXPECT_EQ(report.progress.failures[0].reason, "MissingField");
  EXPECT_THAT(Warm(bench), ElementsAre("1=v"));
}

}  // namespace
}  // namespace stoker::warming
