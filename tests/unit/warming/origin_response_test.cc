#include <gtest/gtest.h>
#include <zlib.h>

#include "controller/warming/origin/response_parser.h"

namespace stoker::warming {
namespace {

using State = ResponseParser::State;

constexpr std::size_t kMaxBody = 1024;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(compressBound(text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string WithLength(const std::string& headers, const std::string& body) {
  return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// Feeds in pieces of `step` bytes, then the end of the stream.
State Parse(ResponseParser& parser, const std::string& bytes, std::size_t step) {
  parser.Reset(kMaxBody, nullptr);
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const State state = parser.Feed(std::string_view(bytes).substr(at, step));
    if (state != State::kMore) return state;
  }
  return parser.FeedEnd();
}

struct Case {
  const char* name;
  std::string bytes;
  State state;
  std::string body;
};

std::vector<Case> Cases() {
  const std::string zipped = Gzip("hello, hello, hello");
  return {
      {"counted", WithLength("", "value"), State::kDone, "value"},
      {"empty", WithLength("", ""), State::kDone, ""},
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", State::kDone, ""},
      {"gzip at 404 is not undone",
       "HTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
       State::kDone, ""},
      {"part", "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nvalue", State::kDone, ""},
      {"chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nval\r\n2\r\nue\r\n0\r\n\r\n",
       State::kDone, "value"},
      {"until close", "HTTP/1.0 200 OK\r\n\r\nvalue", State::kDone, "value"},
      {"interim", "HTTP/1.1 100 Continue\r\n\r\n" + WithLength("", "value"), State::kDone, "value"},
      {"gzip", WithLength("Content-Encoding: gzip\r\n", zipped), State::kDone,
       "hello, hello, hello"},
      {"gzip members", WithLength("Content-Encoding: gzip\r\n", Gzip("ab") + Gzip("cd")),
       State::kDone, "abcd"},
      {"cut gzip", WithLength("Content-Encoding: gzip\r\n", zipped.substr(0, zipped.size() - 9)),
       State::kBad, ""},
      {"gzip bomb", WithLength("Content-Encoding: gzip\r\n", Gzip(std::string(1 << 20, 'x'))),
       State::kTooLarge, ""},
      {"not gzip", WithLength("Content-Encoding: gzip\r\n", "plain"), State::kBad, ""},
      {"brotli unasked", WithLength("Content-Encoding: br\r\n", "x"), State::kBad, ""},
      {"cut short", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nvalue", State::kBad, ""},
      {"cut chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nval", State::kBad,
       ""},
      {"cut headers", "HTTP/1.1 200 OK\r\nContent-", State::kBad, ""},
      {"not http", "SSH-2.0-OpenSSH_9.2\r\n", State::kBad, ""},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       State::kBad, ""},
      {"too large", WithLength("", std::string(kMaxBody + 1, 'x')), State::kTooLarge, ""},
      {"too large chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + std::string(2048, 'x'),
       State::kTooLarge, ""},
      {"long headers", "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n",
       State::kTooLarge, ""},
      {"upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
       State::kBad, ""},
  };
}

TEST(ResponseParser, EndsTheSameHoweverTheBytesCome) {
  for (const Case& c : Cases()) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1 << 20}}) {
      ResponseParser parser;
      EXPECT_EQ(Parse(parser, c.bytes, step), c.state)
          << c.name << " in steps of " << step << ": " << parser.complaint();
      if (c.state == State::kDone) EXPECT_EQ(parser.body(), c.body) << c.name;
    }
  }
}

TEST(ResponseParser, GzipThatFillsItsBufferExactlyIsWhole) {
  for (const std::size_t size : {std::size_t{16384}, std::size_t{32768}}) {
    ResponseParser parser;
    parser.Reset(1 << 20, nullptr);
    EXPECT_EQ(parser.Feed(WithLength("Content-Encoding: gzip\r\n", Gzip(std::string(size, 'x')))),
              State::kDone)
        << parser.complaint();
    EXPECT_EQ(parser.body().size(), size);
  }
}

TEST(ResponseParser, BytesBeyondTheLengthAreAFailure) {
  ResponseParser parser;
  EXPECT_EQ(Parse(parser, WithLength("", "value") + "more", 1 << 20), State::kBad);
  EXPECT_EQ(parser.complaint(), "sent more than its Content-Length says");
}

TEST(ResponseParser, KeepsTheHeadersThatMatter) {
  ResponseParser parser;
  const std::string bytes =
      "HTTP/1.1 429 Slow\r\ncontent-TYPE: text/plain\r\nRETRY-after: 7\r\nLocation: "
      "/x\r\nContent-Length: 0\r\n\r\n";
  ASSERT_EQ(Parse(parser, bytes, 3), State::kDone);
  EXPECT_EQ(parser.status(), 429);
  EXPECT_EQ(parser.content_type(), "text/plain");
  EXPECT_EQ(parser.retry_after(), "7");
  EXPECT_EQ(parser.location(), "/x");
  EXPECT_TRUE(parser.keep_alive());
}

TEST(ResponseParser, IsReadyForTheNextResponse) {
  ResponseParser parser;
  ASSERT_EQ(Parse(parser, WithLength("Content-Type: a/b\r\nConnection: close\r\n", "first"), 4),
            State::kDone);
  EXPECT_FALSE(parser.keep_alive());
  ASSERT_EQ(Parse(parser, WithLength("", "second"), 4), State::kDone);
  EXPECT_EQ(parser.body(), "second");
  EXPECT_EQ(parser.content_type(), "");
  EXPECT_TRUE(parser.keep_alive());
}

}  // namespace
}  // namespace stoker::warming
