#include "controller/server/http_server.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <restinio/all.hpp>
#include <utility>

#include "controller/base/log.h"

namespace stoker::server {
namespace {

constexpr std::size_t kMaxConnections = 64;
constexpr auto kReadTimeout = std::chrono::seconds(10);
constexpr auto kWriteTimeout = std::chrono::seconds(10);
constexpr auto kHandleTimeout = std::chrono::seconds(10);

struct Traits : restinio::default_traits_t {
  // NOLINTNEXTLINE(readability-identifier-naming): the library looks for this name
  static constexpr bool use_connection_count_limiter = true;
};

using RunningServer = restinio::running_server_handle_t<Traits>;
using Handlers = std::map<std::string, std::function<HttpReply()>, std::less<>>;

restinio::incoming_http_msg_limits_t Limits() {
  return restinio::incoming_http_msg_limits_t{}
      .max_url_size(2048)
      .max_field_name_size(256)
      .max_field_value_size(8192)
      .max_field_count(64)
      .max_body_size(1024);
}

HttpReply Answer(const Handlers& handlers, std::string_view path) {
  const auto handler = handlers.find(path);
  if (handler == handlers.end()) return {.status = 404, .body = "not found\n"};
  try {
    return handler->second();
  } catch (const std::exception& failure) {
    LogError("a request handler failed", {{"path", std::string(path)}, {"error", failure.what()}});
    return {.status = 500, .body = "internal error\n"};
  }
}

restinio::request_handling_status_t Serve(const Handlers& handlers,
                                          const restinio::request_handle_t& request) {
  const auto method = request->header().method();
  const bool head = method == restinio::http_method_head();
  const auto path = request->header().path();
  HttpReply reply;
  if (head || method == restinio::http_method_get()) {
    reply = Answer(handlers, std::string_view(path.data(), path.size()));
  } else {
    reply = {.status = 405, .body = "only GET and HEAD are served\n"};
  }
  auto response = request->create_response(restinio::http_status_line_t{
      restinio::http_status_code_t{static_cast<std::uint16_t>(reply.status)},
      reply.status < 300 ? "OK" : "Error"});
  response.append_header(restinio::http_field::content_type, reply.content_type);
  response.append_header(restinio::http_field::cache_control, "no-store");
  if (reply.status == 405) response.append_header(restinio::http_field::allow, "GET, HEAD");
  if (!head) response.set_body(std::move(reply.body));
  return response.done();
}

}  // namespace

struct HttpServer::Impl {
  HttpServerOptions options;
  Handlers handlers;
  std::atomic<std::uint16_t> port{0};
  RunningServer server;
};

HttpServer::HttpServer(HttpServerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Handle(std::string path, std::function<HttpReply()> handler) {
  impl_->handlers[std::move(path)] = std::move(handler);
}

Status HttpServer::Start() {
  Impl* impl = impl_.get();
  try {
    restinio::server_settings_t<Traits> settings;
    settings.address(impl->options.address)
        .port(impl->options.port)
        .incoming_http_msg_limits(Limits())
        .max_parallel_connections(kMaxConnections)
        .read_next_http_message_timelimit(kReadTimeout)
        .write_http_response_timelimit(kWriteTimeout)
        .handle_request_timeout(kHandleTimeout)
        .separate_accept_and_create_connect(false)
        .acceptor_post_bind_hook([impl](asio::ip::tcp::acceptor& acceptor) {
          impl->port = acceptor.local_endpoint().port();
        })
        .request_handler([impl](const restinio::request_handle_t& request) {
          return Serve(impl->handlers, request);
        });
    impl->server = restinio::run_async<Traits>(restinio::own_io_context(), std::move(settings),
                                               static_cast<std::size_t>(impl->options.threads));
  } catch (const std::exception& failure) {
    impl->server.reset();
    return Unavailable(fmt::format("cannot listen on {}:{}: {}", impl->options.address,
                                   impl->options.port, failure.what()));
  }
  return {};
}

void HttpServer::Stop() {
  if (impl_->server == nullptr) return;
  impl_->server->stop();
  impl_->server->wait();
  impl_->server.reset();
}

std::uint16_t HttpServer::port() const { return impl_->port; }

}  // namespace stoker::server
