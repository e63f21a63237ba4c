#include "controller/warming/origin/response_parser.h"

#include <strings.h>

#include <algorithm>

namespace stoker::warming {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 << 10;
constexpr std::size_t kMaxKeptValue = 8 << 10;
constexpr std::size_t kUnaskedReserve = 16 << 10;
constexpr std::uint64_t kMaxReserve = 1 << 20;  // a claim of more is believed when it comes
constexpr int kMaxInterim = 8;

bool IsHeader(const std::string& field, std::string_view name) {
  return field.size() == name.size() && strncasecmp(field.data(), name.data(), name.size()) == 0;
}

}  // namespace

struct ResponseParser::Hooks {
  static ResponseParser* Self(http_parser* parser) {
    return static_cast<ResponseParser*>(parser->data);
  }

  static const http_parser_settings& Settings() {
    static const http_parser_settings settings = [] {
      http_parser_settings s;
      http_parser_settings_init(&s);
      s.on_status = [](http_parser* p, const char*, size_t n) { return Self(p)->CountHeader(n); };
      s.on_header_field = [](http_parser* p, const char* at, size_t n) {
        return Self(p)->TakeField({at, n});
      };
      s.on_header_value = [](http_parser* p, const char* at, size_t n) {
        return Self(p)->TakeValue({at, n});
      };
      s.on_headers_complete = [](http_parser* p) { return Self(p)->EndHeaders(); };
      s.on_body = [](http_parser* p, const char* at, size_t n) {
        return Self(p)->TakeBody({at, n});
      };
      s.on_message_complete = [](http_parser* p) { return Self(p)->EndMessage(); };
      return s;
    }();
    return settings;
  }
};

void ResponseParser::Reset(std::size_t max_body, const std::function<bool(std::string_view)>* sink,
                           Bodies bodies) {
  max_body_ = max_body;
  bodies_ = bodies;
  sink_ = sink;
  wire_bytes_ = 0;
  delivered_ = claimed_ = 0;
  interim_ = 0;
  keep_alive_ = false;
  state_ = State::kMore;
  complaint_ = {};
  body_.clear();
  decoder_.reset();
  http_parser_init(&parser_, HTTP_RESPONSE);
  parser_.data = this;
  Begin();
}

void ResponseParser::Begin() {
  header_bytes_ = 0;
  in_value_ = false;
  in_body_ = false;
  value_ = nullptr;
  field_.clear();
  content_type_.clear();
  content_encoding_.clear();
  location_.clear();
  retry_after_.clear();
  link_.clear();
  kept_.clear();
}

ResponseParser::State ResponseParser::Fail(State state, std::string_view complaint) {
  if (state_ == State::kMore) {
    state_ = state;
    complaint_ = complaint;
  }
  return state_;
}

ResponseParser::State ResponseParser::Feed(std::string_view data) {
  wire_bytes_ += data.size();
  const std::size_t used =
      http_parser_execute(&parser_, &Hooks::Settings(), data.data(), data.size());
  const http_errno error = HTTP_PARSER_ERRNO(&parser_);
  if (state_ == State::kDone) {
    if (parser_.upgrade == 0 && used >= data.size()) return state_;
    state_ = State::kMore;
    return Fail(State::kBad, parser_.upgrade != 0 ? "switched protocols"
                                                  : "sent more than its Content-Length says");
  }
  if (error == HPE_HEADER_OVERFLOW)
    return Fail(State::kTooLarge, "sent headers of more than 64 KiB");
  if (error != HPE_OK && state_ == State::kMore)
    return Fail(State::kBad, "sent something that is not HTTP");
  return state_;
}

ResponseParser::State ResponseParser::FeedEnd() {
  if (state_ != State::kMore) return state_;
  if (started() && in_body_) {
    http_parser_execute(&parser_, &Hooks::Settings(), nullptr, 0);
    if (state_ != State::kMore) return state_;
    return Fail(State::kBad, "closed the connection in the middle of the body");
  }
  return Fail(State::kBad, "closed the connection before its answer was complete");
}

int ResponseParser::CountHeader(std::size_t size) {
  header_bytes_ += size + 4;
  if (header_bytes_ <= kMaxHeaderBytes) return 0;
  Fail(State::kTooLarge, "sent headers of more than 64 KiB");
  return 1;
}

int ResponseParser::TakeField(std::string_view piece) {
  if (in_value_) {
    field_.clear();
    in_value_ = false;
  }
  if (CountHeader(piece.size()) != 0) return 1;
  field_.append(piece);
  return 0;
}

int ResponseParser::TakeValue(std::string_view piece) {
  if (CountHeader(piece.size()) != 0) return 1;
  if (!in_value_) {
    in_value_ = true;
    value_ = IsHeader(field_, "content-type")       ? &content_type_
             : IsHeader(field_, "content-encoding") ? &content_encoding_
             : IsHeader(field_, "location")         ? &location_
             : IsHeader(field_, "retry-after")      ? &retry_after_
             : IsHeader(field_, "link")             ? &link_
                                                    : nullptr;
    if (value_ != nullptr) value_->clear();
    if (value_ == nullptr && keep_ != nullptr) value_ = KeptHeader();
  }
  if (value_ == nullptr) return 0;
  if (value_->size() + piece.size() > kMaxKeptValue) {
    Fail(State::kTooLarge, "sent a header of more than 8 KiB");
    return 1;
  }
  value_->append(piece);
  return 0;
}

std::string* ResponseParser::KeptHeader() {
  for (std::size_t i = 0; i < keep_->size(); ++i) {
    if (!IsHeader(field_, (*keep_)[i])) continue;
    kept_.push_back('\n');
    kept_.push_back(static_cast<char>('0' + i));
    return &kept_;
  }
  return nullptr;
}

int ResponseParser::EndHeaders() {
  in_body_ = true;
  if (status() / 100 == 1) return 0;
  constexpr auto kUnknownLength = ~std::uint64_t{0};
  const bool counted = (parser_.flags & F_CHUNKED) == 0 && parser_.content_length != kUnknownLength;
  if (bodies_ == Bodies::kNone) return 0;
  if (counted && parser_.content_length > max_body_) {
    Fail(State::kTooLarge, "says its body is larger than allowed");
    return -1;
  }
  if (!KeepsBody()) return 0;  // its body is read past, not decoded
  const Encoding encoding = ParseEncoding(content_encoding_);
  if (encoding == Encoding::kUnknown) {
    Fail(State::kBad, "used a Content-Encoding that was not asked for");
    return -1;
  }
  if (encoding != Encoding::kIdentity) {
    decoder_ = std::make_unique<BodyDecoder>(encoding);
  } else if (counted && sink_ == nullptr) {
    claimed_ = static_cast<std::size_t>(std::min(parser_.content_length, kMaxReserve));
    body_.reserve(std::min(claimed_, kUnaskedReserve));
  }
  return 0;
}

bool ResponseParser::Deliver(std::string_view piece) {
  if (bodies_ == Bodies::kNone) return true;
  delivered_ += piece.size();
  if (delivered_ > max_body_) {
    Fail(State::kTooLarge, "sent a body larger than allowed");
    return false;
  }
  if (!KeepsBody()) return true;
  if (sink_ == nullptr) {
    body_.append(piece);
    return true;
  }
  if ((*sink_)(piece)) return true;
  Fail(State::kStopped, "was stopped by its reader");
  return false;
}

int ResponseParser::TakeBody(std::string_view piece) {
  if (!decoder_) return Deliver(piece) ? 0 : 1;
  const auto outcome = decoder_->Feed(piece, [this](std::string_view out) { return Deliver(out); });
  if (outcome == BodyDecoder::Outcome::kCorrupt)
    Fail(State::kBad, "sent a damaged compressed body");
  return outcome == BodyDecoder::Outcome::kOk ? 0 : 1;
}

int ResponseParser::EndMessage() {
  if (status() / 100 == 1 && status() != 101) {
    if (++interim_ > kMaxInterim) {
      Fail(State::kBad, "sent too many interim answers");
      return 1;
    }
    Begin();
    return 0;
  }
  if (decoder_ && !decoder_->Complete()) {
    Fail(State::kBad, "sent a compressed body that was cut off");
    return 1;
  }
  keep_alive_ = http_should_keep_alive(&parser_) != 0;
  state_ = State::kDone;
  http_parser_pause(&parser_, 1);
  return 0;
}

}  // namespace stoker::warming
