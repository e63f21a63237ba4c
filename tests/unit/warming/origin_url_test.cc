#include <gtest/gtest.h>

#include "controller/warming/origin/http_client.h"
#include "controller/warming/origin/retry_after.h"

namespace stoker::warming {
namespace {

TEST(ParseUrl, TakesApartWhatRequestsNeed) {
  const auto url = ParseUrl("HTTPS://Shop.Example:8443/a/b?q=1#part");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->https);
  EXPECT_EQ(url->host, "shop.example");
  EXPECT_EQ(url->port, "8443");
  EXPECT_EQ(url->target, "/a/b?q=1");
  EXPECT_EQ(ParseUrl("http://h")->target, "/");
  EXPECT_EQ(ParseUrl("http://h?q")->target, "/?q");
  EXPECT_EQ(ParseUrl("http://h")->port, "80");
  EXPECT_EQ(ParseUrl("https://h/")->port, "443");
  EXPECT_EQ(ParseUrl("http://[2001:db8::1]:81/")->host, "2001:db8::1");
}

TEST(ParseUrl, RefusesWhatCouldMeanSomethingElse) {
  for (const char* bad :
       {"", "shop/a", "ftp://h/", "http://", "http:///a", "http://user@h/", "http://u:p@h/",
        "http://h:0/", "http://h:65536/", "http://h:x/", "http://h/a b", "http://h/\r\nX: y",
        "http://h/\x01", "http://h/\xc3\xa4", "http://[::1/", "http://[h]/", "http://h\\@evil/",
        "//h/", "http://h%20/"}) {
    EXPECT_FALSE(ParseUrl(bad)) << bad;
  }
  EXPECT_FALSE(ParseUrl("http://h/" + std::string(9000, 'a')));
}

TEST(ParseUrl, CredentialsDoNotReachTheError) {
  const auto url = ParseUrl("http://user:hunter2@h/");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().message.find("hunter2"), std::string::npos);
}

struct Reference {
  const char* reference;
  const char* resolved;
};

class ResolveUrlTable : public ::testing::TestWithParam<Reference> {};

TEST_P(ResolveUrlTable, FollowsTheRfc) {
  const auto resolved = ResolveUrl(*ParseUrl("http://a:81/b/c/d?q"), GetParam().reference);
  ASSERT_TRUE(resolved) << GetParam().reference;
  EXPECT_EQ(*resolved, GetParam().resolved);
}

INSTANTIATE_TEST_SUITE_P(
    Rfc3986, ResolveUrlTable,
    ::testing::Values(Reference{"g", "http://a:81/b/c/g"}, Reference{"./g", "http://a:81/b/c/g"},
                      Reference{"g/", "http://a:81/b/c/g/"}, Reference{"/g", "http://a:81/g"},
                      Reference{"//g", "http://g"}, Reference{"?y", "http://a:81/b/c/d?y"},
                      Reference{"g?y", "http://a:81/b/c/g?y"},
                      Reference{"#s", "http://a:81/b/c/d?q"}, Reference{"", "http://a:81/b/c/d?q"},
                      Reference{".", "http://a:81/b/c/"}, Reference{"..", "http://a:81/b/"},
                      Reference{"../g", "http://a:81/b/g"},
                      Reference{"../../../g", "http://a:81/g"}, Reference{"/./g", "http://a:81/g"},
                      Reference{"https://x/y", "https://x/y"},
                      Reference{"g?y/../x", "http://a:81/b/c/g?y/../x"}));

TEST(ResolveUrl, RefusesOtherSchemes) {
  const Url base = *ParseUrl("http://a/");
  EXPECT_FALSE(ResolveUrl(base, "file:///etc/passwd"));
  EXPECT_FALSE(ResolveUrl(base, "javascript:x"));
  EXPECT_FALSE(ResolveUrl(base, "//u:p@h/"));
}

TEST(RetryAfter, ReadsSecondsAndDates) {
  const WallTime now = *ParseTime("2026-11-27T06:00:00Z");
  EXPECT_EQ(ParseRetryAfter("120", now), Millis(120'000));
  EXPECT_EQ(ParseRetryAfter(" 0 ", now), Millis(0));
  EXPECT_EQ(ParseRetryAfter("Fri, 27 Nov 2026 06:00:30 GMT", now), Millis(30'000));
  EXPECT_EQ(ParseRetryAfter("Friday, 27-Nov-26 06:00:30 GMT", now), Millis(30'000));
  EXPECT_EQ(ParseRetryAfter("Fri Nov 27 06:00:30 2026", now), Millis(30'000));
  EXPECT_EQ(ParseRetryAfter("Fri, 27 Nov 2026 05:00:00 GMT", now), Millis(0));
  EXPECT_EQ(ParseRetryAfter("99999999999999999999999", now), Millis(std::chrono::hours(24)));
  for (const char* bad : {"", "-1", "1.5", "soon", "Fri, 27 Nov 2026"}) {
    EXPECT_FALSE(ParseRetryAfter(bad, now)) << bad;
  }
}

}  // namespace
}  // namespace stoker::warming
