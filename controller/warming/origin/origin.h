#pragma once

// Where values come from, one entry at a time.
//
// An Origin belongs to one loop and keeps its connections there. It knows by itself how an entry is
// addressed (a URL, a key in a database) and how long one attempt may take. Pacing, retries and
// counting are the caller's: a Fetch asks for `leave` just before it sends a request, over a
// connection that stands by then, so that a slow dial cannot gather requests which then arrive in
// one burst.
//
// Thread safety: one loop. Shutdown: Cancel() aborts every Fetch in flight at once.

#include <asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/base/result.h"
#include "controller/warming/pace/byte_budget.h"

namespace stoker::warming {

struct FetchError {
  // CamelCase, few kinds, so that failures can be counted by it:
  //   HTTP<status>      an answer without a value: HTTP404, HTTP429, HTTP503; HTTP204 too
  //   Timeout           no whole answer by the deadline
  //   UnknownHost       the name does not exist
  //   ResolverFailed    the name servers gave no answer
  //   ConnectionRefused, ConnectionReset, Unreachable
  //   TLSNotTrusted     the certificate is not trusted, or not for this name
  //   TLSFailed         any other handshake failure
  //   EgressRefused     the egress guard forbids this address
  //   BodyTooLarge      the body, or the headers, exceed their cap
  //   BadResponse       what came is not HTTP, was cut off, or redirects nowhere
  //   TooManyRedirects
  //   InvalidURL        the URL (or one redirected to) cannot be requested
  //   InvalidRequest    a configured header cannot be sent, or TLS cannot be set up
  //   NotFound          a database or cache has no such key
  //   NotAString        a cache holds something else under the key
  //   ValueTooLarge     a database's or cache's value exceeds its cap
  //   DatabaseUnavailable, DatabaseRefused, QueryFailed
  //   Origin...         of a cache, as TargetError has it: OriginTimeout, OriginAuth
  //   TokenRefused      the token endpoint does not give out a token
  //   TokenUnavailable  the token endpoint cannot be reached, or is in trouble
  //   Cancelled         by Cancel(), by the reader of the body, or by `leave`
  std::string reason;
  std::string message;  // a sentence
  bool retryable = false;
  bool connection = false;            // the origin as such is not reachable, not this entry
  std::optional<Millis> retry_after;  // the origin asked for it (429, 503)
  bool not_found = false;             // the origin answers that it has no such entry
};

struct Fetched {
  std::string body;  // decoded (gzip undone)
  std::string content_type;
  std::size_t wire_bytes = 0;
  std::string link{};       // the Link header, as it came
  ByteBudget::Hold hold{};  // of the body; give it up with the body
  int status = 200;
  std::string kept{};  // headers that were to be kept: see ResponseParser::kept()
  // Fetched through caches that are the run's targets: which of them held it before. There is no
  // value to write then.
  std::optional<std::uint8_t> held{};
  std::optional<Millis> ttl{};  // how long the origin itself keeps it
};

using FetchResult = tl::expected<Fetched, FetchError>;

// Takes a pacing token; an error: the run stops.
using Leave = std::function<asio::awaitable<Status>()>;

// An entry as origins are asked for it. Whoever asks for many keeps one, so that its memory serves
// them all; it outlives the Fetch.
struct Question {
  std::vector<std::string_view> values;  // the key, then the columns that addresses use
  std::string address;                   // memory for what the origin makes of them
  int tries = 0;                         // how often this entry has failed before
};

class Origin {
 public:
  virtual ~Origin() = default;
  // `leave` is awaited before each request of this fetch: the first, one to where a redirect
  // points, one more over a new connection; and after a dial that failed. Its time does not count,
  // and its error ends the fetch.
  virtual asio::awaitable<FetchResult> Fetch(Question& question, const Leave& leave) = 0;
  virtual void Cancel() = 0;
};

}  // namespace stoker::warming
