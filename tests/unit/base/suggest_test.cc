#include "controller/base/suggest.h"

#include <gtest/gtest.h>

namespace stoker {
namespace {

TEST(NearestTest, FindsWhatWasMeant) {
  EXPECT_EQ(Nearest("--outptu", {"--output", "--policy"}), "--output");
  EXPECT_EQ(Nearest("rnu", {"next", "run"}), "run");
  EXPECT_EQ(Nearest("vaildate", {"run", "validate"}), "validate");
  EXPECT_EQ(Nearest("requestPerSecond", {"burst", "requestsPerSecond"}), "requestsPerSecond");
}

TEST(NearestTest, IsSilentWhereNothingIsNear) {
  EXPECT_EQ(Nearest("--colour", {"--output", "--policy"}), "");
  EXPECT_EQ(Nearest("z", {"a", "b"}), "");
  EXPECT_EQ(Nearest("", {"a"}), "");
  EXPECT_EQ(Nearest(std::string(5000, 'k'), {"key"}), "");
}

}  // namespace
}  // namespace stoker
