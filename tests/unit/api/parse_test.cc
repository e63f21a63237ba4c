#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/api/manifest.h"

namespace stoker::api {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json ParseOne(const std::string& text) {
  Result<std::vector<json>> documents = ParseDocuments(text);
  if (!documents) {
    ADD_FAILURE() << documents.error().message;
    return nullptr;
  }
  EXPECT_EQ(documents->size(), 1U);
  return documents->empty() ? json() : documents->front();
}

std::string Complaint(const std::string& text) {
  Result<std::vector<json>> documents = ParseDocuments(text);
  return documents ? "" : documents.error().message;
}

TEST(ParseDocuments, ReadsEveryDocumentAndDropsEmptyOnes) {
  const auto documents = ParseDocuments("---\na: 1\n---\n# nothing\n---\n{b: 2}\n...\n---\n- 3\n");
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_EQ(*documents, (std::vector<json>{json{{"a", 1}}, json{{"b", 2}}, json::array({3})}));
  EXPECT_TRUE(ParseDocuments("")->empty());
  EXPECT_TRUE(ParseDocuments("# only a comment\n")->empty());
}

TEST(ParseDocuments, ReadsAStreamOfJson) {
  const auto documents = ParseDocuments(" {\"a\": [1, 2.5, null]}\n{\"b\": \"\\u00e4\"} ");
  ASSERT_TRUE(documents) << documents.error().message;
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ((*documents)[0], (json{{"a", {1, 2.5, nullptr}}}));
  EXPECT_EQ((*documents)[1], (json{{"b", "\xc3\xa4"}}));
}

TEST(ParseDocuments, ReadsWholeNumbersOfJsonInAnyForm) {
  const json numbers = ParseOne("{\"a\": [1.0, 1e3, -2E0, 1.5, 1e30]}")["a"];
  EXPECT_TRUE(numbers[0].is_number_integer() && numbers[1].is_number_integer());
  EXPECT_EQ(numbers, json({1, 1000, -2, 1.5, 1e30}));
}

TEST(ParseDocuments, ReadsFlowYamlThatBeginsLikeJson) {
  EXPECT_EQ(ParseOne("{a: yes, b: [x, 'no']}"), (json{{"a", true}, {"b", {"x", "no"}}}));
}

TEST(ParseDocuments, KeepsQuotedScalarsAsStrings) {
  EXPECT_EQ(ParseOne("a: \"no\"\nb: '010'\nc: |-\n  1\n"),
            (json{{"a", "no"}, {"b", "010"}, {"c", "1"}}));
}

TEST(ParseDocuments, TurnsNamesIntoStrings) {
  EXPECT_EQ(ParseOne("yes: 1\n010: 2\n"), (json{{"true", 1}, {"8", 2}}));
}

TEST(ParseDocuments, ExpandsAliasesAndMerges) {
  const json object = ParseOne(
      "base: &base {a: 1, b: 2}\n"
      "copy: *base\n"
      "merged: {<<: *base, b: 3}\n"
      "both: {<<: [*base, {c: 4, a: 9}]}\n");
  EXPECT_EQ(object["copy"], (json{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(object["merged"], (json{{"a", 1}, {"b", 3}}));
  EXPECT_EQ(object["both"], (json{{"a", 1}, {"b", 2}, {"c", 4}}));
}

TEST(ParseDocuments, TakesAQuotedMergeSignAsAName) {
  EXPECT_EQ(ParseOne("\"<<\": {a: 1}\n"), (json{{"<<", {{"a", 1}}}}));
}

TEST(ParseDocuments, RefusesDuplicateFieldsAndSaysWhere) {
  EXPECT_THAT(Complaint("spec:\n  list:\n  - a: 1\n  - b: 1\n    b: 2\n"),
              HasSubstr("line 5: duplicate field \"spec.list[1].b\"; remove one of them"));
  EXPECT_THAT(Complaint("{\"spec\": {\"list\": [0, {\"b\": 1, \"b\": 2}]}}"),
              HasSubstr("duplicate field \"spec.list[1].b\""));
}

TEST(ParseDocuments, SaysInWhichLineYamlGoesWrong) {
  EXPECT_THAT(Complaint("a: 1\nb: [1\nc: 2\n"), HasSubstr("line "));
  EXPECT_THAT(Complaint("a: .inf\n"), HasSubstr("line 1: .inf is not a number that JSON knows"));
  EXPECT_THAT(Complaint("a: *nobody\n"), HasSubstr("line 1"));
  EXPECT_THAT(Complaint("? [a]\n: 1\n"), HasSubstr("the name of a field is a list or a map"));
  EXPECT_THAT(Complaint("~: 1\n"), HasSubstr("a field has no name"));
  EXPECT_THAT(Complaint("<<: 5\na: 1\n"), HasSubstr("merges a map"));
}

// yaml-cpp finds an empty document there, and another, and never moves on.
TEST(ParseDocuments, EndsWhereTheParserStandsStill) {
  EXPECT_THAT(Complaint(", expect: a\n# b\nc: d\ne\n    f:\n      g: h\n"),
              HasSubstr("this is not YAML"));
  EXPECT_TRUE(ParseDocuments("---\n---\n--- \na: 1\n")) << "empty documents are none";
}

TEST(ParseDocuments, SaysWhatIsNotJson) {
  EXPECT_THAT(Complaint("{\"a\": [1, }\n"), HasSubstr("this is not JSON"));
}

TEST(ParseDocuments, RefusesAnAliasOfWhatItStandsIn) {
  EXPECT_THAT(Complaint("a: &a\n  b: *a\n"),
              HasSubstr("an alias stands inside the value that it names"));
}

TEST(ParseDocuments, CapsDepth) {
  EXPECT_EQ(Complaint(std::string(60, '[') + std::string(60, ']')), "");
  EXPECT_THAT(Complaint(std::string(65, '[') + std::string(65, ']')),
              HasSubstr("nested deeper than 64"));
  EXPECT_NE(Complaint(std::string(100'000, '[')), "");
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += "{\"a\":";
  EXPECT_THAT(Complaint(nested + "1" + std::string(100, '}')), HasSubstr("nested deeper than 64"));
}

TEST(ParseDocuments, CapsWhatAliasesExpandTo) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i <= 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) text += (n > 0 ? ", " : "") + before;
    text += "]\n";
  }
  EXPECT_THAT(Complaint(text), HasSubstr("holds more than 200000 values"));
}

TEST(ParseDocuments, CapsBytes) {
  EXPECT_THAT(Complaint(std::string((4 << 20) + 1, ' ')), HasSubstr("are not read"));
}

TEST(ParseDocuments, MergesInTheOrderThatKubectlDoes) {
  const json object = ParseOne(
      "one: &one {a: 1, b: 1}\n"
      "two: &two {a: 2}\n"
      "above: {a: 9, <<: *one}\n"
      "below: {<<: *one, a: 9}\n"
      "twice: {<<: *one, <<: *two}\n"
      "list: {<<: [*two, *one]}\n");
  EXPECT_EQ(object["above"], (json{{"a", 1}, {"b", 1}}));
  EXPECT_EQ(object["below"], (json{{"a", 9}, {"b", 1}}));
  EXPECT_EQ(object["twice"], (json{{"a", 2}, {"b", 1}}));
  EXPECT_EQ(object["list"], (json{{"a", 2}, {"b", 1}}));
}

TEST(ParseDocuments, CapsTheTextThatAliasesCopy) {
  std::string text = "a: &a " + std::string(100'000, 'x') + "\nb: [";
  for (int i = 0; i < 10; ++i) text += "*a, ";
  EXPECT_EQ(Complaint(text + "]\n"), "");
  for (int i = 0; i < 100; ++i) text += "*a, ";
  EXPECT_THAT(Complaint(text + "]\n"), HasSubstr("line 2: aliases copy more than 4194304 bytes"));
}

TEST(ParseDocuments, CapsWhatAnchorsInAnchorsKeep) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "&a" + std::to_string(i) + " [";
  for (int i = 0; i < 10'000; ++i) text += "x, ";
  EXPECT_THAT(Complaint(text + std::string(50, ']')), HasSubstr("holds more than 200000 values"));
}

TEST(ParseDocuments, ReadsAByteOrderMarkAndLinesOfWindows) {
  EXPECT_EQ(ParseOne("\xEF\xBB\xBF"
                     "a: b\r\nc: |\r\n  d\r\n"),
            (json{{"a", "b"}, {"c", "d\n"}}));
}

TEST(ParseDocuments, RefusesAQuoteThatTheTextBreaksOff) {
  for (const char* text : {"a: \"b\n", "a: 'b\n", "a: \"b\n  ", "a: \"b", "a: 'b\n---\nc: d\n"}) {
    EXPECT_THAT(Complaint(text), HasSubstr("this is not YAML")) << text;
  }
}

TEST(ParseDocuments, KeepsTheEndOfTheLastBlockScalar) {
  EXPECT_EQ(ParseOne("a: |\n  b"), (json{{"a", "b"}}));
  EXPECT_EQ(ParseOne("a: |\n  b\n"), (json{{"a", "b\n"}}));
  EXPECT_EQ(ParseOne("a: |+\n  b\n\n"), (json{{"a", "b\n\n"}}));
  EXPECT_EQ(ParseOne("a: b\n...\n"), (json{{"a", "b"}}));
}

TEST(ParseDocuments, RefusesTextThatKubectlRefuses) {
  EXPECT_THAT(Complaint("a: b\nc: \xE9\n"), HasSubstr("line 2: this is not UTF-8 text"));
  EXPECT_THAT(Complaint(std::string("\xFF\xFE"
                                    "a\0:\0 \0b\0",
                                    10)),
              HasSubstr("save the file as UTF-8"));
  EXPECT_THAT(Complaint(std::string("a: b\0c\n", 7)), HasSubstr("control character U+0000"));
  EXPECT_THAT(Complaint("a: b\x7F\n"), HasSubstr("control character U+007F"));
  EXPECT_THAT(Complaint("a: b\xE2\x80\xA8"
                        "c\n"),
              HasSubstr("control character U+2028"));
  EXPECT_THAT(Complaint("a: b\n\xEF\xBB\xBF"
                        "c: d\n"),
              HasSubstr("line 2: holds the control"));
  EXPECT_THAT(Complaint("a: b\n--- {c: d}\n"), HasSubstr("line 2: only a comment may follow"));
  EXPECT_EQ(Complaint("--- # a comment\na: \"\\x01\xC3\xA4\xF0\x9F\x98\x80\"\n---  \r\nb: 1\n"),
            "");
}

TEST(ParseDocuments, RepeatsNothingOfTheTextInComplaintsAboutJson) {
  const std::string complaint = Complaint(R"({"stringData": {"password": "hunter2" "x": 1}})");
  EXPECT_THAT(complaint, HasSubstr("this is not JSON: parse error at line 1, column"));
  EXPECT_THAT(complaint, HasSubstr("expected '}'"));
  EXPECT_THAT(complaint, ::testing::Not(HasSubstr("last read")));
  EXPECT_THAT(Complaint(R"({"password": "hunter2; expected)"),
              ::testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(Complaint("password: !!int hunter2\n"), ::testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace stoker::api
