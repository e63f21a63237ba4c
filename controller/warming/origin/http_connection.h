#pragma once

// One keep-alive connection of the HTTP client: sends a request, reads one response, under a
// deadline.
//
// Thread safety: one loop. Shutdown: Close() makes an Exchange in flight return kClosed.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "controller/warming/net/connect.h"
#include "controller/warming/net/waiting.h"
#include "controller/warming/origin/response_parser.h"
#include "controller/warming/pace/byte_budget.h"

namespace stoker::warming {

class HttpConnection {
 public:
  enum class End {
    kDone,    // a whole response is in parser()
    kBroken,  // the connection failed: error()
    kTimeout,
    kClosed,  // by Close()
    kBad,     // parser().complaint() says what is wrong with the response
    kTooLarge,
    kStopped,  // by the sink
  };

  HttpConnection(asio::io_context& loop, std::unique_ptr<Stream> stream);

  // What Exchange() sends, written in place so that its memory serves every request of the
  // connection.
  [[nodiscard]] std::string& request() { return request_; }
  struct Terms {
    SteadyTime deadline;       // the time spent waiting for room is added
    std::size_t max_body = 0;  // decoded
    const std::function<bool(std::string_view)>* sink = nullptr;  // gets the body, if set
    ByteBudget::Hold* hold = nullptr;                             // of a body that has no sink
    ResponseParser::Bodies bodies = ResponseParser::Bodies::kOfValues;
  };
  // Sends the request and reads the response to its end. The connection outlives the call.
  asio::awaitable<End> Exchange(Terms terms);
  [[nodiscard]] ResponseParser& parser() { return parser_; }
  [[nodiscard]] const std::string& error() const { return error_; }
  // Whether another request may be sent: the last ended well and the peer is silent.
  [[nodiscard]] bool Reusable() { return clean_ && stream_->IsQuiet(); }
  [[nodiscard]] bool clean() const { return clean_; }
  void Close();

 private:
  asio::awaitable<End> Read(Terms& terms);
  bool MayGrow();
  bool HasNoRoom(const Terms& terms);
  asio::awaitable<void> WaitForRoom(Terms& terms);
  End Failed(Error error);
  static End Translate(ResponseParser::State state);

  asio::io_context& loop_;
  std::unique_ptr<Stream> stream_;
  ResponseParser parser_;
  LazyDeadline deadline_;
  std::string request_;
  std::string error_;
  bool clean_ = false;
  bool timed_out_ = false;
  bool closed_ = false;
  std::array<char, 16384> buffer_;
};

}  // namespace stoker::warming
