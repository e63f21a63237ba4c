#include "controller/warming/origin/oauth_tokens.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strings.h>

#include <algorithm>
#include <asio/post.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/base/hash.h"

namespace stoker::warming {
namespace {

constexpr Millis kDeadline{10'000};  // of one request for a token
constexpr Millis kErrorLasts{1'000};
constexpr Millis kUnsaidLife{300'000};  // of a token whose endpoint does not say
constexpr Millis kMostAhead{60'000};
constexpr std::int64_t kLongestLifeSeconds = 86'400;
constexpr std::size_t kMaxToken = 16 << 10;

// application/x-www-form-urlencoded
std::string FormEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string RequestFor(const std::vector<std::string>& scopes) {
  std::string body = "grant_type=client_credentials";
  if (!scopes.empty()) body += "&scope=" + FormEncode(fmt::format("{}", fmt::join(scopes, " ")));
  return body;
}

FetchError Refusal(std::string message) {
  return {"TokenRefused", std::move(message), false, true, {}};
}

FetchError Trouble(std::string message) {
  return {"TokenUnavailable", std::move(message), true, true, {}};
}

// The error code of RFC 6749, 5.2, if that is what it is.
std::string ErrorCodeIn(const nlohmann::json& answer) {
  if (!answer.is_object() || !answer.contains("error") || !answer["error"].is_string()) return {};
  const std::string code = answer["error"].get<std::string>();
  const bool plain = !code.empty() && code.size() <= 64 &&
                     code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  return plain ? code : std::string();
}

Millis LifeIn(const nlohmann::json& answer) {
  const auto member = answer.find("expires_in");
  std::int64_t seconds = 0;
  if (member != answer.end() && member->is_number()) {
    seconds = static_cast<std::int64_t>(
        std::clamp(member->get<double>(), 0.0, static_cast<double>(kLongestLifeSeconds)));
  } else if (member != answer.end() && member->is_string()) {
    seconds =
        std::min<std::int64_t>(std::atoi(member->get<std::string>().c_str()), kLongestLifeSeconds);
  }
  return seconds > 0 ? Millis(seconds * 1000) : kUnsaidLife;
}

bool IsToken(const std::string& text) {
  return !text.empty() && text.size() <= kMaxToken &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool IsBearer(const nlohmann::json& answer) {
  const auto type = answer.find("token_type");
  if (type == answer.end() || !type->is_string()) return true;
  return strcasecmp(type->get<std::string>().c_str(), "bearer") == 0;
}

std::string WhereOf(const std::string& url) { return url.substr(0, url.find('?')).substr(0, 200); }

}  // namespace

tl::expected<AccessToken, FetchError> ReadTokenAnswer(int status, const std::string& body,
                                                      const std::string& where, SteadyTime now) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  if (status != 200) {
    const std::string code = ErrorCodeIn(answer);
    std::string message = fmt::format("the token endpoint {} answered {}{}", where, status,
                                      code.empty() ? "" : " (" + code + ")");
    if (status >= 500 || status == 408 || status == 429) {
      return tl::make_unexpected(Trouble(std::move(message)));
    }
    return tl::make_unexpected(
        Refusal(std::move(message) +
                "; correct tokenURL, the scopes, or clientID and clientSecret in "
                "the Secret"));
  }
  const auto member = answer.is_object() ? answer.find("access_token") : answer.end();
  if (member == answer.end() || !member->is_string() || !IsToken(member->get<std::string>())) {
    return tl::make_unexpected(
        Refusal(fmt::format("the token endpoint {} answered without an access_token; is tokenURL "
                            "right?",
                            where)));
  }
  if (!IsBearer(answer)) {
    return tl::make_unexpected(
        Refusal(fmt::format("the token endpoint {} gives tokens of another type than Bearer, "
                            "which Stoker cannot use",
                            where)));
  }
  const Millis life = LifeIn(answer);
  AccessToken token;
  token.header = "Authorization: Bearer " + member->get<std::string>() + "\r\n";
  token.expires_at = now + life;
  token.refresh_at = token.expires_at - std::min(life / 5, kMostAhead);
  return token;
}

// Says that nobody fetches any more, however the fetching ends.
class OAuthTokens::Fetching {
 public:
  explicit Fetching(OAuthTokens& tokens) : tokens_(tokens) {}
  ~Fetching() { tokens_.Ended(given_); }
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;
  void With(const Given& given) { given_ = given; }

 private:
  OAuthTokens& tokens_;
  std::optional<Given> given_;
};

OAuthTokens::OAuthTokens(OAuthOptions options, const Clock& clock)
    : options_(std::move(options)),
      where_(WhereOf(options_.token_url)),
      request_(RequestFor(options_.scopes)),
      headers_(
          "Authorization: Basic " +
          Base64Encode(FormEncode(options_.client_id) + ":" + FormEncode(options_.client_secret)) +
          "\r\nContent-Type: application/x-www-form-urlencoded\r\n"),
      clock_(clock) {}

// None: it must be fetched, or waited for.
std::optional<OAuthTokens::Given> OAuthTokens::AtHand() {
  const SteadyTime now = clock_.Steady();
  if (token_ && now < token_->expires_at && (fetching_ || now < token_->refresh_at)) return token_;
  if (!fetching_ && error_ && now < error_until_) {
    if (token_ && now < token_->expires_at) return token_;
    return tl::make_unexpected(*error_);
  }
  return std::nullopt;
}

asio::awaitable<OAuthTokens::Given> OAuthTokens::Get(asio::io_context& loop, HttpClient& client) {
  const SteadyTime until = std::chrono::steady_clock::now() + kDeadline;
  for (;;) {
    std::shared_ptr<Waiter> waiter;
    {
      const std::lock_guard lock(mutex_);
      if (auto given = AtHand()) co_return std::move(*given);
      if (fetching_) {
        waiter = std::make_shared<Waiter>(loop);
        waiting_.push_back({&loop, waiter});
      } else {
        fetching_ = true;
      }
    }
    if (!waiter) {
      Given given = co_await Fetch(client);
      const std::lock_guard lock(mutex_);
      if (!given && token_ && clock_.Steady() < token_->expires_at) given = token_;
      co_return given;
    }
    co_await waiter->Wait(until);
    if (std::chrono::steady_clock::now() >= until) {
      co_return tl::make_unexpected(
          Trouble(fmt::format("the token endpoint {} did not answer in time", where_)));
    }
  }
}

asio::awaitable<OAuthTokens::Given> OAuthTokens::Fetch(HttpClient& client) {
  Given given;
  Fetching fetching(*this);
  HttpRequest request;
  request.url = options_.token_url;
  request.headers = headers_;
  request.post = request_;
  request.any_status = true;
  FetchResult answer = co_await client.Send(std::move(request),
                                            std::chrono::steady_clock::now() + kDeadline, nullptr);
  if (!answer) {
    FetchError error = std::move(answer.error());
    if (error.reason == "Cancelled") co_return tl::make_unexpected(std::move(error));
    given = tl::make_unexpected(error.retryable || error.reason == "BadResponse"
                                    ? Trouble("the token endpoint: " + error.message)
                                    : Refusal("the token endpoint: " + error.message));
  } else if (auto token = ReadTokenAnswer(answer->status, answer->body, where_, clock_.Steady())) {
    const std::lock_guard lock(mutex_);
    token->number = ++number_;
    given = std::make_shared<const AccessToken>(std::move(*token));
  } else {
    given = tl::make_unexpected(std::move(token.error()));
  }
  fetching.With(given);
  co_return given;
}

void OAuthTokens::Ended(const std::optional<Given>& given) {
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    fetching_ = false;
    error_.reset();
    if (given && *given) {
      token_ = **given;
    } else if (given) {
      error_ = given->error();
      error_until_ = clock_.Steady() + kErrorLasts;
    }
    waiting.swap(waiting_);
  }
  for (Waiting& one : waiting) {
    asio::post(*one.loop, [waiter = std::move(one.waiter)] { waiter->Finish(); });
  }
}

void OAuthTokens::Refused(const AccessToken& token) {
  const std::lock_guard lock(mutex_);
  if (token_ && token_->number == token.number) token_.reset();
}

}  // namespace stoker::warming
