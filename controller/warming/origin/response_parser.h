#pragma once

// One HTTP/1.x response, from bytes as they come, into a body that is whole or an error.
//
// Wraps http_parser and adds what it lacks: caps on headers and body, decoding, interim (1xx)
// answers, and the difference between a body that ended and one that was cut off.
//
// Thread safety: one loop. Reset() makes it ready for the next response on the same connection.

#include <http_parser.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/warming/origin/body_decoder.h"

namespace stoker::warming {

class ResponseParser {
 public:
  enum class State { kMore, kDone, kBad, kTooLarge, kStopped };

  // `sink`, when set, gets the body of a response that brings a value instead of body().
  enum class Bodies {
    kOfValues,  // those of other answers are read past
    kAll,
    kNone,  // read past, whatever their size and encoding
  };
  void Reset(std::size_t max_body, const std::function<bool(std::string_view)>* sink,
             Bodies bodies = Bodies::kOfValues);
  // Headers to keep, at most ten, for kept(); they outlive the parser.
  void Keep(const std::vector<std::string>* names) { keep_ = names; }
  State Feed(std::string_view data);
  State FeedEnd();  // the peer closed

  [[nodiscard]] int status() const { return static_cast<int>(parser_.status_code); }
  // 200 and 203 bring what GET asks for. 202 and 204 have no value, and 206 has only a part of one.
  [[nodiscard]] bool brings_value() const { return status() == 200 || status() == 203; }
  [[nodiscard]] bool started() const { return wire_bytes_ > 0; }
  [[nodiscard]] bool has_headers() const { return in_body_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] std::size_t wire_bytes() const { return wire_bytes_; }
  // Why kBad: a clause to follow the URL, such as "sent a body shorter than its Content-Length".
  [[nodiscard]] std::string_view complaint() const { return complaint_; }
  [[nodiscard]] std::string& body() { return body_; }
  // As much as the body is known to need; Reserve() makes it at once, where there is room for that.
  [[nodiscard]] std::size_t claimed() const { return std::max(claimed_, body_.capacity()); }
  void Reserve() { body_.reserve(claimed_); }
  // The body comes compressed, and body() is what it becomes.
  [[nodiscard]] bool decodes() const { return decoder_ != nullptr; }
  [[nodiscard]] std::string& content_type() { return content_type_; }
  [[nodiscard]] const std::string& location() const { return location_; }
  [[nodiscard]] const std::string& retry_after() const { return retry_after_; }
  [[nodiscard]] const std::string& link() const { return link_; }
  // For each header to keep that was there a line break, its place among them as one digit, and its
  // value.
  [[nodiscard]] std::string& kept() { return kept_; }

 private:
  struct Hooks;
  void Begin();
  int CountHeader(std::size_t size);
  int TakeField(std::string_view piece);
  int TakeValue(std::string_view piece);
  int EndHeaders();
  int TakeBody(std::string_view piece);
  [[nodiscard]] bool KeepsBody() const {
    return bodies_ == Bodies::kAll || (bodies_ == Bodies::kOfValues && brings_value());
  }
  std::string* KeptHeader();
  bool Deliver(std::string_view piece);
  int EndMessage();
  State Fail(State state, std::string_view complaint);

  http_parser parser_{};
  std::size_t max_body_ = 0;
  const std::function<bool(std::string_view)>* sink_ = nullptr;
  Bodies bodies_ = Bodies::kOfValues;
  const std::vector<std::string>* keep_ = nullptr;
  State state_ = State::kMore;
  std::string_view complaint_;
  std::size_t wire_bytes_ = 0;
  std::size_t header_bytes_ = 0;
  std::size_t delivered_ = 0;
  std::size_t claimed_ = 0;  // of the body, by its Content-Length
  int interim_ = 0;
  bool keep_alive_ = false;
  bool in_value_ = false;
  bool in_body_ = false;
  std::string field_;
  std::string* value_ = nullptr;  // the header being kept, or null
  std::string body_, content_type_, content_encoding_, location_, retry_after_, link_, kept_;
  std::unique_ptr<BodyDecoder> decoder_;
};

}  // namespace stoker::warming
