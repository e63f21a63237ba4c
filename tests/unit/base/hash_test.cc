#include "controller/base/hash.h"

#include <gtest/gtest.h>

namespace stoker {
namespace {

// A key's shard follows from its hash, so these values may never change (they are XXH3's own
// vectors).
TEST(KeyHash, NeverChanges) {
  EXPECT_EQ(KeyHash(""), 0x2d06800538d394c2ULL);
  EXPECT_EQ(KeyHash("product:1"), KeyHash(std::string("product:1")));
  EXPECT_NE(KeyHash("product:1"), KeyHash("product:2"));
}

TEST(Sha256Hex, MatchesTheStandardsExample) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Base64, GoesThereAndBackAtEveryPadding) {
  const struct {
    const char* plain;
    const char* coded;
  } kCases[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& c : kCases) {
    EXPECT_EQ(Base64Encode(c.plain), c.coded);
    std::string plain = "before";
    ASSERT_TRUE(Base64Decode(c.coded, plain)) << c.coded;
    EXPECT_EQ(plain, c.plain);
  }
}

TEST(Base64, RefusesWhatIsNot) {
  std::string plain;
  for (const char* text : {"Zg", "Zg=", "Z===", "Zm9v!", "Z m9", "====", "Zg==Zg=="})
    EXPECT_FALSE(Base64Decode(text, plain)) << text;
}

}  // namespace
}  // namespace stoker
