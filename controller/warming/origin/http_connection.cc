#include "controller/warming/origin/http_connection.h"

#include <utility>

namespace stoker::warming {

HttpConnection::HttpConnection(asio::io_context& loop, std::unique_ptr<Stream> stream)
    : stream_(std::move(stream)), deadline_(loop, [this] {
        timed_out_ = true;
        stream_->Close();
      }) {}

void HttpConnection::Close() {
  closed_ = true;
  clean_ = false;
  stream_->Close();
}

HttpConnection::End HttpConnection::Failed(Error error) {
  if (timed_out_) return End::kTimeout;
  if (closed_) return End::kClosed;
  error_ = std::move(error.message);
  return End::kBroken;
}

HttpConnection::End HttpConnection::Translate(ResponseParser::State state) {
  switch (state) {
    case ResponseParser::State::kDone:
      return End::kDone;
    case ResponseParser::State::kTooLarge:
      return End::kTooLarge;
    case ResponseParser::State::kStopped:
      return End::kStopped;
    default:
      return End::kBad;
  }
}

asio::awaitable<HttpConnection::End> HttpConnection::Exchange(
    SteadyTime deadline, std::size_t max_body, const std::function<bool(std::string_view)>* sink) {
  clean_ = false;
  parser_.Reset(max_body, sink);
  deadline_.Set(deadline);
  std::string_view request = request_;
  request.remove_prefix(stream_->TryWrite(request));
  if (!request.empty()) {
    Status sent = co_await stream_->WriteAll(request);
    // A server may answer and close before it has read everything: what it said comes first.
    if (!sent && (timed_out_ || closed_)) {
      deadline_.Clear();
      co_return Failed(std::move(sent.error()));
    }
  }
  for (;;) {
    Result<std::size_t> got = co_await stream_->ReadSome(buffer_.data(), buffer_.size());
    if (!got) {
      deadline_.Clear();
      co_return Failed(std::move(got.error()));
    }
    ResponseParser::State state = ResponseParser::State::kMore;
    if (*got > 0) {
      state = parser_.Feed({buffer_.data(), *got});
    } else if (!parser_.started()) {
      deadline_.Clear();
      co_return Failed(Unavailable("closed the connection without an answer"));
    } else {
      state = parser_.FeedEnd();
    }
    if (state == ResponseParser::State::kMore) continue;
    deadline_.Clear();
    clean_ = state == ResponseParser::State::kDone && parser_.keep_alive() && *got > 0;
    co_return Translate(state);
  }
}

}  // namespace stoker::warming
