#pragma once

// An HTTP service that is asked for one entry at a time, at the URL that a template makes of it.
//
// Thread safety: one loop. Shutdown: Cancel().

#include <asio/io_context.hpp>
#include <memory>

#include "controller/warming/origin/http_client.h"
#include "controller/warming/origin/origin.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

class HttpOrigin final : public Origin {
 public:
  // `url` is over the values of a Question; `timeout` bounds one Fetch.
  HttpOrigin(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard, Template url,
             Millis timeout, HttpClientOptions options)
      : url_(std::move(url)),
        timeout_(timeout),
        client_(loop, std::move(guard), std::move(options)) {}

  asio::awaitable<FetchResult> Fetch(Question& question, const Leave& leave) override {
    question.address.clear();
    url_.Render(question.values, question.address);
    return client_.Fetch(question.address, std::chrono::steady_clock::now() + timeout_, leave);
  }
  void Cancel() override { client_.Cancel(); }

 private:
  const Template url_;
  const Millis timeout_;
  HttpClient client_;
};

}  // namespace stoker::warming
