#pragma once

// Access tokens by OAuth2's client credentials (RFC 6749, 4.4), one for all loops of a run.
//
// Hundreds of requests want a token at the same moment, on several loops, and it expires under
// them. So one is fetched by whoever needs it first, while the others wait; a fifth of its life (a
// minute at most) before it expires one request fetches the next, while the others use it on; and
// one that the origin refuses is given up once. When the endpoint fails, whoever asks within a second
// is told the same.
//
// No error and no log holds a token or a client's secret.
//
// Thread safety: any thread. Lifetime: shared by the origins of the loops.

#include <asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/warming/net/waiting.h"
#include "controller/warming/origin/http_client.h"

namespace stoker::warming {

struct OAuthOptions {
  std::string token_url;
  std::string client_id, client_secret;
  std::vector<std::string> scopes;
};

struct AccessToken {
  std::string header;  // the Authorization line
  std::uint64_t number = 0;
  SteadyTime refresh_at, expires_at;
};

// A token from what the endpoint answered; an error says what is wrong with it.
tl::expected<AccessToken, FetchError> ReadTokenAnswer(int status, const std::string& body,
                                                      const std::string& where, SteadyTime now);

class OAuthTokens {
 public:
  using Given = tl::expected<std::shared_ptr<const AccessToken>, FetchError>;

  explicit OAuthTokens(OAuthOptions options, const Clock& clock = SystemClock());

  // `client` is the loop's own, and makes the request if this caller is the one to make it.
  asio::awaitable<Given> Get(asio::io_context& loop, HttpClient& client);
  // The origin refused this one; another is fetched, unless that has happened already.
  void Refused(const AccessToken& token);

 private:
  class Fetching;
  struct Waiting {
    asio::io_context* loop;
    std::shared_ptr<Waiter> waiter;
  };

  std::optional<Given> AtHand();  // with mutex_ held
  asio::awaitable<Given> Fetch(HttpClient& client);
  void Ended(const std::optional<Given>& given);

  const OAuthOptions options_;
  const std::string where_;    // the endpoint, for sentences
  const std::string request_;  // the body that asks for a token
  const std::string headers_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<const AccessToken> token_;  // protected by mutex_, as all below
  std::uint64_t number_ = 0;
  bool fetching_ = false;
  std::optional<FetchError> error_;  // of the last attempt
  SteadyTime error_until_;
  std::vector<Waiting> waiting_;
};

}  // namespace stoker::warming
