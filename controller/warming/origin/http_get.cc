#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <atomic>
#include <exception>
#include <future>

#include "controller/warming/net/loop_pool.h"
#include "controller/warming/origin/http_client.h"

namespace stoker::warming {
namespace {

std::atomic<unsigned> next_loop{0};
// The loop keeps the deadline itself; a loop that is held up does not hold up who asks.
constexpr Millis kGrace{1000};

struct Get {
  std::string url;
  Millis timeout;
  std::size_t max_body;
  std::shared_ptr<const EgressGuard> guard;
  std::promise<Result<std::string>> answer;
};

Code CodeOf(const FetchError& error) {
  if (error.reason == "Timeout") return Code::kTimeout;
  if (error.reason == "EgressRefused") return Code::kPermission;
  if (error.reason == "InvalidURL") return Code::kInvalid;
  if (error.reason == "HTTP404") return Code::kNotFound;
  if (error.reason == "BodyTooLarge") return Code::kExhausted;
  return Code::kUnavailable;
}

asio::awaitable<void> Perform(asio::io_context& loop, std::shared_ptr<Get> get) {
  HttpClientOptions options;
  options.max_body_bytes = get->max_body;
  options.follow_redirects = false;
  HttpClient client(loop, get->guard, std::move(options));
  const SteadyTime deadline = std::chrono::steady_clock::now() + get->timeout;
  FetchResult fetched = co_await client.Fetch(get->url, deadline, nullptr);
  if (fetched) {
    get->answer.set_value(std::move(fetched->body));
  } else {
    get->answer.set_value(Error{CodeOf(fetched.error()), std::move(fetched.error().message)});
  }
}

}  // namespace

Result<std::string> HttpGet(const std::string& url, Millis timeout, std::size_t max_body,
                            const EgressGuard& guard) {
  auto get = std::make_shared<Get>();
  get->url = url;
  get->timeout = timeout;
  get->max_body = max_body;
  get->guard = std::make_shared<const EgressGuard>(guard);
  std::future<Result<std::string>> answer = get->answer.get_future();
  asio::io_context& loop = LoopPool::Shared().Loop(static_cast<int>(next_loop++ & 0xffff));
  asio::co_spawn(loop, Perform(loop, std::move(get)), asio::detached);
  if (answer.wait_for(timeout + kGrace) == std::future_status::timeout) {
    return Error{Code::kTimeout, "no answer within " + FormatDuration(timeout)};
  }
  return answer.get();
}

}  // namespace stoker::warming
