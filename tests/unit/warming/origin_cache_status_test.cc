#include <gtest/gtest.h>

#include "controller/warming/origin/cache_status.h"

namespace stoker::warming {
namespace {

using enum CacheVerdict;

TEST(CacheStatus, KnowsAHitInWhatCachesSay) {
  const struct {
    std::string header, value;
    CacheVerdict verdict;
  } cases[] = {{"X-Cache-Status", "HIT", kHit},
               {"X-Cache-Status", "MISS", kMiss},
               {"X-Cache-Status", "EXPIRED", kMiss},
               {"X-Cache-Status", "STALE", kMiss},
               {"X-Cache-Status", "", kMiss},
               {"X-Cache", "Hit from cloudfront", kHit},
               {"X-Cache", "RefreshHit from cloudfront", kMiss},
               {"X-Cache", "Miss from cloudfront", kMiss},
               {"X-Cache", "HIT, MISS", kMiss},
               {"X-Cache", "MISS, HIT", kHit},
               {"X-Cache", "TCP_MEM_HIT from a.akamai", kHit},
               {"X-Cache", "hit-for-pass", kMiss},
               {"X-Cache", "hit for miss", kMiss},
               {"X-Cache", "white", kMiss},
               {"X-Cache", "hitch", kMiss},
               {"CF-Cache-Status", "HIT", kHit},
               {"CF-Cache-Status", "DYNAMIC", kMiss},
               {"Cache-Status", "OriginCache; hit; ttl=1100, \"CDN\"; fwd=uri-miss", kMiss},
               {"Cache-Status", "\"CDN\"; fwd=miss, ReverseProxy; hit; ttl=545", kHit},
               {"X-Varnish", "32770", kMiss},
               {"X-Varnish", " 32771 32770 ", kHit},
               {"Age", "17", kHit},
               {"Age", "0", kAge}};
  for (const auto& c : cases) {
    const CacheStatusReader reader(c.header);
    EXPECT_EQ(reader.Judge("\n0" + c.value), c.verdict) << c.header << ": " << c.value;
  }
}

TEST(CacheStatus, TheMostTellingHeaderDecides) {
  const CacheStatusReader reader;
  ASSERT_EQ(reader.headers()[0], "X-Cache-Status");
  ASSERT_EQ(reader.headers()[5], "Age");
  EXPECT_EQ(reader.Judge(""), kUnknown);
  EXPECT_EQ(reader.Judge("\n50\n4 7 5"), kHit);
  EXPECT_EQ(reader.Judge("\n0MISS\n59"), kMiss);
  EXPECT_EQ(reader.Judge("\n59\n0HIT"), kHit);
  EXPECT_EQ(reader.Judge("\n0HIT\n0MISS"), kMiss);
  EXPECT_EQ(reader.Judge("\n9HIT"), kUnknown);
}

}  // namespace
}  // namespace stoker::warming
