#include "controller/api/quantity.h"

#include <gtest/gtest.h>

#include <string>

namespace stoker::api {
namespace {

TEST(ParseQuantity, ReadsEverySuffix) {
  EXPECT_EQ(ParseQuantity("1"), 1.0L);
  EXPECT_EQ(ParseQuantity("16Mi"), 16.0L * 1024 * 1024);
  EXPECT_EQ(ParseQuantity("1.5Gi"), 1.5L * 1024 * 1024 * 1024);
  EXPECT_EQ(ParseQuantity("2k"), 2000.0L);
  EXPECT_EQ(ParseQuantity("500m"), 0.5L);
  EXPECT_EQ(ParseQuantity("1e3"), 1000.0L);
  EXPECT_EQ(ParseQuantity("-1Ki"), -1024.0L);
  EXPECT_EQ(ParseQuantity(".5k"), 500.0L);
}

TEST(ParseQuantity, IsExactForWholeResults) {
  for (int i = 1; i <= 1000; ++i) {
    EXPECT_EQ(ParseQuantity(std::to_string(i) + "000m"), static_cast<long double>(i)) << i;
    EXPECT_EQ(ParseQuantity(std::to_string(i) + "e-3"), i / 1000.0L) << i;
    EXPECT_EQ(ParseQuantity("0." + std::to_string(i + 1000) + "M"), (i + 1000) * 100.0L) << i;
  }
}

TEST(ParseQuantity, RefusesWhatIsNone) {
  for (const char* text :
       {"", "Mi", "1 Mi", "1MB", "1..2", "1ki", "--1", "1e", "1e+", "1e1x", "lots", "1Mi "}) {
    EXPECT_FALSE(ParseQuantity(text)) << text;
  }
}

TEST(ParseBytes, TakesWholePositiveNumbersOnly) {
  EXPECT_EQ(ParseBytes("512Ki").value(), 512 * 1024);
  EXPECT_EQ(ParseBytes("1048576").value(), 1048576);
  EXPECT_EQ(ParseBytes("0.5Ki").value(), 512);
  for (const char* text : {"0", "-1", "0.5", "500m", "10E"}) EXPECT_FALSE(ParseBytes(text)) << text;
}

}  // namespace
}  // namespace stoker::api
