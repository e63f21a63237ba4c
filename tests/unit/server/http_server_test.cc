#include "controller/server/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "tests/support/process.h"

namespace stoker::server {
namespace {

// Sends bytes and reads to the end of the stream, or for five seconds.
std::string Exchange(std::uint16_t port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  std::string reply;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    (void)send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[4096];
    for (ssize_t size = 0; (size = recv(fd, buffer, sizeof(buffer), 0)) > 0;)
      reply.append(buffer, size);
  }
  close(fd);
  return reply;
}

std::string Request(const std::string& first_line, const std::string& headers = {}) {
  return first_line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n";
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() : server_({.address = "127.0.0.1", .port = 0, .threads = 1}) {
    server_.Handle("/healthz", [] { return HttpReply{.body = "ok\n"}; });
    server_.Handle("/json", [] {
      return HttpReply{.status = 503, .content_type = "application/json", .body = "{}"};
    });
    server_.Handle("/throws", []() -> HttpReply { throw std::runtime_error("broken"); });
    EXPECT_TRUE(server_.Start());
  }
  std::string Get(const std::string& path) {
    return Exchange(server_.port(), Request("GET " + path));
  }
  HttpServer server_;
};

TEST_F(HttpServerTest, AnswersWhatIsHandledAndIgnoresTheQuery) {
  const std::string reply = Get("/healthz?verbose=1");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 ")) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\nok\n")) << reply;
}

TEST_F(HttpServerTest, GivesStatusAndContentTypeOfTheHandler) {
  const std::string reply = Get("/json");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 503 ")) << reply;
  EXPECT_NE(reply.find("application/json"), std::string::npos);
}

TEST_F(HttpServerTest, UnknownPathsAreNotFound) {
  EXPECT_TRUE(Get("/other").starts_with("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, AHandlerThatThrowsIsA500AndTheServerLives) {
  EXPECT_TRUE(Get("/throws").starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(Get("/healthz").starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, OtherMethodsAreRefused) {
  const std::string reply =
      Exchange(server_.port(), Request("POST /healthz", "Content-Length: 0\r\n"));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 405 ")) << reply;
  EXPECT_NE(reply.find("GET, HEAD"), std::string::npos);
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  const std::string reply = Exchange(server_.port(), Request("HEAD /healthz"));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 ")) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\n")) << reply;
}

TEST_F(HttpServerTest, OversizedHeadersAndBodiesAreNotServed) {
  const std::string long_header = "X-Long: " + std::string(64 << 10, 'a') + "\r\n";
  EXPECT_EQ(Exchange(server_.port(), Request("GET /healthz", long_header)).find("200 "),
            std::string::npos);
  const std::string body =
      Request("GET /healthz", "Content-Length: 1000000\r\n") + std::string(100'000, 'b');
  EXPECT_EQ(Exchange(server_.port(), body).find("200 "), std::string::npos);
  EXPECT_TRUE(Get("/healthz").starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, NothingListensAfterStop) {
  server_.Stop();
  EXPECT_FALSE(testing::CanConnect(server_.port()));
  server_.Stop();
}

TEST_F(HttpServerTest, StopDoesNotWaitForAnIdleConnection) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server_.port());
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const auto start = std::chrono::steady_clock::now();
  server_.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  close(fd);
}

TEST_F(HttpServerTest, ATakenPortIsSaidSo) {
  HttpServer second({.address = "127.0.0.1", .port = server_.port(), .threads = 1});
  const Status started = second.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kUnavailable);
  EXPECT_NE(started.error().message.find("cannot listen on 127.0.0.1:"), std::string::npos);
  EXPECT_NE(started.error().message.find("in use"), std::string::npos) << started.error().message;
}

}  // namespace
}  // namespace stoker::server
