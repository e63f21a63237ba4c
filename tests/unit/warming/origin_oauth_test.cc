#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/origin/oauth_tokens.h"

namespace stoker::warming {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr SteadyTime kNow{std::chrono::hours(1)};

TEST(TokenAnswer, GivesTheTokenAndWhenToRenewIt) {
  const struct {
    std::string life;
    Millis expires, refreshes;
  } cases[] = {{R"(,"expires_in":100)", Millis(100'000), Millis(80'000)},
               {R"(,"expires_in":"100")", Millis(100'000), Millis(80'000)},
               {R"(,"expires_in":3600)", Millis(3'600'000), Millis(3'540'000)},
               {R"(,"expires_in":1e300)", Millis(86'400'000), Millis(86'340'000)},
               {R"(,"expires_in":-5)", Millis(300'000), Millis(240'000)},
               {"", Millis(300'000), Millis(240'000)}};
  for (const auto& c : cases) {
    const auto token = ReadTokenAnswer(
        200, R"({"access_token":"abc","token_type":"bearer")" + c.life + "}", "w", kNow);
    ASSERT_TRUE(token) << token.error().message;
    EXPECT_EQ(token->header, "Authorization: Bearer abc\r\n");
    EXPECT_EQ(token->expires_at - kNow, c.expires) << c.life;
    EXPECT_EQ(token->refresh_at - kNow, c.refreshes) << c.life;
  }
}

TEST(TokenAnswer, SaysWhatIsWrongAndWhetherItMayPass) {
  const struct {
    int status;
    std::string body, reason, sentence;
  } cases[] = {
      {401, R"({"error":"invalid_client"})", "TokenRefused", "answered 401 (invalid_client); "},
      {400, R"({"error":"<script>"})", "TokenRefused", "answered 400; correct"},
      {404, "no JSON", "TokenRefused", "answered 404; correct tokenURL"},
      {503, "", "TokenUnavailable", "answered 503"},
      {429, "", "TokenUnavailable", "answered 429"},
      {200, "<html>", "TokenRefused", "without an access_token"},
      {200, R"({"access_token":17})", "TokenRefused", "without an access_token"},
      {200, R"({"access_token":"a\r\nX: y"})", "TokenRefused", "without an access_token"},
      {200, R"({"access_token":"hunter2","token_type":"mac"})", "TokenRefused", "another type"}};
  for (const auto& c : cases) {
    const auto token = ReadTokenAnswer(c.status, c.body, "https://login.shop/token", kNow);
    ASSERT_FALSE(token) << c.body;
    EXPECT_EQ(token.error().reason, c.reason) << c.body;
    EXPECT_EQ(token.error().retryable, c.reason == "TokenUnavailable");
    EXPECT_TRUE(token.error().connection);
    EXPECT_THAT(token.error().message, HasSubstr("https://login.shop/token "));
    EXPECT_THAT(token.error().message, HasSubstr(c.sentence));
    EXPECT_THAT(token.error().message, Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace stoker::warming
