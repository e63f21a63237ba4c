#include "controller/warming/origin/http_origin.h"

#include <utility>

namespace stoker::warming {

HttpOrigin::HttpOrigin(asio::io_context& loop, const std::shared_ptr<const EgressGuard>& guard,
                       const HttpOriginOptions& options)
    : loop_(loop),
      url_(options.url),
      timeout_(options.timeout),
      client_(loop, guard, options.client),
      tokens_(options.tokens) {
  if (tokens_) token_client_.emplace(loop, guard, options.token_client);
}

asio::awaitable<FetchResult> HttpOrigin::Fetch(Question& question, const Leave& leave) {
  question.address.clear();
  url_.Render(question.values, question.address);
  if (tokens_) return FetchWithToken(question, leave);
  return client_.Fetch(question.address, std::chrono::steady_clock::now() + timeout_, leave);
}

asio::awaitable<FetchResult> HttpOrigin::FetchWithToken(const Question& question,
                                                        const Leave& leave) {
  for (bool again = false;; again = true) {
    auto token = co_await tokens_->Get(loop_, *token_client_);
    if (!token) co_return tl::make_unexpected(std::move(token.error()));
    HttpRequest request;
    request.url = question.address;
    request.headers = (*token)->header;
    FetchResult fetched = co_await client_.Send(std::move(request),
                                                std::chrono::steady_clock::now() + timeout_, leave);
    if (fetched || again || fetched.error().reason != "HTTP401") co_return fetched;
    tokens_->Refused(**token);
  }
}

void HttpOrigin::Cancel() {
  client_.Cancel();
  if (token_client_) token_client_->Cancel();
}

}  // namespace stoker::warming
