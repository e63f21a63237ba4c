#include "controller/warming/origin/http_connection.h"

#include <utility>

namespace stoker::warming {
namespace {

constexpr std::size_t kUncountedBytes = 16
                                        << 10;  // of a body: no more than what a connection costs
constexpr std::size_t kBite = 2 << 10;
constexpr std::chrono::milliseconds kLookForRoomAgain{10};

// After a whole response, too: then there should be nothing more, and the parser says so.
bool MayGoOn(ResponseParser::State state) {
  return state == ResponseParser::State::kMore || state == ResponseParser::State::kDone;
}

}  // namespace

HttpConnection::HttpConnection(asio::io_context& loop, std::unique_ptr<Stream> stream)
    : loop_(loop), stream_(std::move(stream)), deadline_(loop, [this] {
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

asio::awaitable<HttpConnection::End> HttpConnection::Exchange(Terms terms) {
  clean_ = false;
  parser_.Reset(terms.max_body, terms.sink, terms.bodies);
  deadline_.Set(terms.deadline);
  const End end = co_await Read(terms);
  deadline_.Clear();
  co_return end;
}

asio::awaitable<HttpConnection::End> HttpConnection::Read(Terms& terms) {
  std::string_view request = request_;
  request.remove_prefix(stream_->TryWrite(request));
  if (!request.empty()) {
    Status sent = co_await stream_->WriteAll(request);
    // A server may answer and close before it has read everything: what it said comes first.
    if (!sent && (timed_out_ || closed_)) co_return Failed(std::move(sent.error()));
  }
  for (;;) {
    Result<std::size_t> got = co_await stream_->ReadSome(buffer_.data(), buffer_.size());
    if (!got) co_return Failed(std::move(got.error()));
    ResponseParser::State state = ResponseParser::State::kMore;
    if (*got == 0 && !parser_.started()) {
      co_return Failed(Unavailable("closed the connection without an answer"));
    }
    if (*got == 0) state = parser_.FeedEnd();
    for (std::string_view data(buffer_.data(), *got); !data.empty() && MayGoOn(state);) {
      const std::string_view bite = data.substr(0, MayGrow() ? kBite : data.size());
      data.remove_prefix(bite.size());
      state = parser_.Feed(bite);
      if (HasNoRoom(terms)) co_await WaitForRoom(terms);
    }
    if (state == ResponseParser::State::kMore) continue;
    clean_ = state == ResponseParser::State::kDone && parser_.keep_alive() && *got > 0;
    co_return Translate(state);
  }
}

// What is compressed may become a thousand times as much, so it is taken in small bites; and until
// the headers are there, it may be.
bool HttpConnection::MayGrow() { return parser_.decodes() || !parser_.has_headers(); }

bool HttpConnection::HasNoRoom(const Terms& terms) {
  if (terms.hold == nullptr || parser_.body().size() <= kUncountedBytes) return false;
  if (!terms.hold->Grow(static_cast<std::int64_t>(parser_.claimed()))) return true;
  parser_.Reserve();
  return false;
}

asio::awaitable<void> HttpConnection::WaitForRoom(Terms& terms) {
  Waiter waiter(loop_);
  while (!closed_ && HasNoRoom(terms)) {
    // The origin is not to blame for this time.
    deadline_.Clear();
    co_await waiter.Wait(std::chrono::steady_clock::now() + kLookForRoomAgain);
    terms.deadline += kLookForRoomAgain;
    deadline_.Set(terms.deadline);
  }
}

}  // namespace stoker::warming
