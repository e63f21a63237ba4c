#pragma once

// Where values come from, one entry at a time.
//
// An Origin belongs to one loop and keeps its connections there. Pacing, retries and counting are the
// caller's: a Fetch is exactly one request (a redirect asks `on_extra_request` before it sends another).
//
// Thread safety: one loop. Shutdown: Cancel() aborts every Fetch in flight at once.

#include <asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/base/result.h"

namespace stoker::warming {

struct FetchError {
  std::string reason;      // CamelCase, few kinds: HTTP404, HTTP5xx codes as HTTP503, Timeout, ConnectionRefused,
                           // ConnectionReset, UnknownHost, TLSNotTrusted, BodyTooLarge, BadResponse,
                           // EgressRefused, TooManyRedirects, Cancelled
  std::string message;     // a sentence
  bool retryable = false;
  bool connection = false;  // the origin as such is not reachable, not this entry
  std::optional<Millis> retry_after;  // the origin asked for it (429, 503)
};

struct Fetched {
  std::string body;     // decoded (gzip undone)
  std::string content_type;
  std::size_t wire_bytes = 0;
};

using FetchResult = tl::expected<Fetched, FetchError>;

class Origin {
 public:
  virtual ~Origin() = default;
  // `url` is complete. `before_redirect` is awaited before each further request of this fetch (it takes a
  // pacing token); its error ends the fetch.
  virtual asio::awaitable<FetchResult> Fetch(
      const std::string& url, SteadyTime deadline,
      const std::function<asio::awaitable<Status>()>& before_redirect) = 0;
  virtual void Cancel() = 0;
};

}  // namespace stoker::warming
