#pragma once

// An HTTP service that is asked for one entry at a time, at the URL that a template makes of it.
//
// With OAuth2 each request carries the run's token; a 401 gives it up, and the request is made once
// more with another.
//
// Thread safety: one loop. Shutdown: Cancel().

#include <asio/io_context.hpp>
#include <memory>
#include <optional>

#include "controller/warming/origin/http_client.h"
#include "controller/warming/origin/oauth_tokens.h"
#include "controller/warming/origin/origin.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

struct HttpOriginOptions {
  Template url;           // over the values of a Question
  Millis timeout{5'000};  // of one request, the wait for leave and for a token aside
  HttpClientOptions client;
  std::shared_ptr<OAuthTokens> tokens;  // null: the client's headers are all
  HttpClientOptions token_client;       // to their endpoint
};

class HttpOrigin final : public Origin {
 public:
  HttpOrigin(asio::io_context& loop, const std::shared_ptr<const EgressGuard>& guard,
             const HttpOriginOptions& options);

  asio::awaitable<FetchResult> Fetch(Question& question, const Leave& leave) override;
  void Cancel() override;

 private:
  asio::awaitable<FetchResult> FetchWithToken(const Question& question, const Leave& leave);

  asio::io_context& loop_;
  const Template url_;
  const Millis timeout_;
  HttpClient client_;
  const std::shared_ptr<OAuthTokens> tokens_;
  std::optional<HttpClient> token_client_;
};

}  // namespace stoker::warming
