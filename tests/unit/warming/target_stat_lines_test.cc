#include <gtest/gtest.h>

#include "controller/warming/target/stat_lines.h"

namespace stoker::warming {
namespace {

TEST(StatLines, ANumberIsFoundByTheBeginningOfItsLine) {
  constexpr std::string_view kInfo =
      "# Memory\r\nused_memory_rss:7\r\nused_memory:1048576\r\nmaxmemory:0\r\nlast:12";
  EXPECT_EQ(NumberBehind(kInfo, "used_memory:"), 1048576);
  EXPECT_EQ(NumberBehind(kInfo, "maxmemory:"), 0);
  EXPECT_EQ(NumberBehind(kInfo, "last:"), 12);
  EXPECT_EQ(NumberBehind("bytes 5\nlimit_maxbytes 6\n", "bytes "), 5);
  EXPECT_EQ(NumberBehind("limit_maxbytes 6\nbytes 5\n", "bytes "), 5);
}

TEST(StatLines, WhatIsNotToldIsNotZero) {
  for (const std::string_view lines :
       {"", "used_memory", "used_memory:", "used_memory:\r\n", "used_memory:many\r\n",
        "total_used_memory:5\r\n", "used_memory:99999999999999999999\r\n"}) {
    EXPECT_EQ(NumberBehind(lines, "used_memory:"), std::nullopt) << lines;
  }
}

}  // namespace
}  // namespace stoker::warming
