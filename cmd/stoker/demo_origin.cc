#include "cmd/stoker/demo_origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/connect.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <string_view>
#include <thread>
#include <utility>

namespace stoker::cli {
namespace {

using asio::ip::tcp;

constexpr std::size_t kMaxHead = 8 << 10;
constexpr std::size_t kMaxAnswer = 64 << 10;

// "GET /product/7 HTTP/1.1" is "/product/7".
std::string PathOf(std::string_view head) {
  const std::size_t start = std::min(head.find(' '), head.size());
  const std::size_t end = std::min(head.find(' ', start + 1), head.size());
  return std::string(start < end ? head.substr(start + 1, end - start - 1) : "");
}

std::string Answer(const std::string& path) {
  const std::string body =
      fmt::format(R"({{"path":"{}","price":{}}})", path, path.size() * 7 % 100);
  return fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
}

}  // namespace

struct DemoOrigin::Impl {
  explicit Impl(std::chrono::milliseconds wait) : delay(wait) {}

  asio::awaitable<void> Serve(tcp::socket socket) {
    asio::error_code failure;
    asio::steady_timer timer(loop);
    std::string input;
    for (;;) {
      const std::size_t head =
          co_await asio::async_read_until(socket, asio::dynamic_buffer(input, kMaxHead), "\r\n\r\n",
                                          asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return;
      const std::string answer = Answer(PathOf(std::string_view(input).substr(0, head)));
      input.erase(0, head);
      timer.expires_after(delay);
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return;
      ++requests;
      co_await asio::async_write(socket, asio::buffer(answer),
                                 asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return;
    }
  }

  asio::awaitable<void> Accept() {
    for (;;) {
      asio::error_code failure;
      tcp::socket socket =
          co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return;
      socket.set_option(tcp::no_delay(true), failure);
      asio::co_spawn(loop, Serve(std::move(socket)), asio::detached);
    }
  }

  const std::chrono::milliseconds delay;
  std::atomic<std::int64_t> requests{0};
  asio::io_context loop{1};
  tcp::acceptor acceptor{loop};
  std::uint16_t port = 0;
  std::thread thread;
};

DemoOrigin::DemoOrigin(std::chrono::milliseconds delay) : impl_(std::make_unique<Impl>(delay)) {}

DemoOrigin::~DemoOrigin() {
  impl_->loop.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Status DemoOrigin::Start() {
  asio::error_code failure;
  const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
  impl_->acceptor.open(endpoint.protocol(), failure);
  if (!failure) impl_->acceptor.bind(endpoint, failure);
  if (!failure) impl_->acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure)
    return Unavailable("the demo's origin cannot listen on 127.0.0.1: " + failure.message());
  impl_->port = impl_->acceptor.local_endpoint().port();
  asio::co_spawn(impl_->loop, impl_->Accept(), asio::detached);
  impl_->thread = std::thread([impl = impl_.get()] { impl->loop.run(); });
  return {};
}

std::string DemoOrigin::url() const { return fmt::format("http://127.0.0.1:{}", impl_->port); }
std::uint16_t DemoOrigin::port() const { return impl_->port; }
std::int64_t DemoOrigin::requests() const { return impl_->requests; }

struct DemoClient::Impl {
  explicit Impl(std::uint16_t to) : port(to) {}
  const std::uint16_t port;
  asio::io_context loop;
  tcp::socket socket{loop};
};

DemoClient::DemoClient(std::uint16_t port) : impl_(std::make_unique<Impl>(port)) {}
DemoClient::~DemoClient() = default;

Result<std::string> DemoClient::Get(const std::string& path) {
  asio::error_code failure;
  tcp::socket& socket = impl_->socket;
  if (!socket.is_open()) {
    socket.connect({asio::ip::address_v4::loopback(), impl_->port}, failure);
    if (!failure) socket.set_option(tcp::no_delay(true), failure);
  }
  if (!failure)
    asio::write(socket, asio::buffer("GET " + path + " HTTP/1.1\r\nHost: origin\r\n\r\n"), failure);
  std::string answer;  // the body has no line of its own: it ends in the brace
  if (!failure) asio::read_until(socket, asio::dynamic_buffer(answer, kMaxAnswer), '}', failure);
  if (failure) return Unavailable("the demo's origin does not answer: " + failure.message());
  const std::size_t body = answer.find("\r\n\r\n");
  return body == std::string::npos ? std::string() : answer.substr(body + 4);
}

}  // namespace stoker::cli
