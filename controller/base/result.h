#pragma once

// What can go wrong in production, as a value.
//
// Functions that may fail return Result<T>; the error says what kind of failure it was (so that
// callers can decide: retry, give up, blame the user) and a sentence for a person. The sentence
// names the thing and the mend, and never holds a credential. Exceptions exist only inside the file
// that calls a throwing library, and are turned into a Result there.
//
// Thread safety: plain values.

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace stoker {

enum class Code {
  kInvalid,        // the input is wrong; a person must change it
  kNotFound,       // it is not there (yet)
  kAlreadyExists,  // a create met an object of that name
  kConflict,       // somebody else wrote first; read again
  kPermission,     // authentication or authorization was refused
  kUnavailable,    // the peer cannot be reached or cannot serve now; worth a retry
  kTimeout,        // the deadline passed
  kExhausted,      // a cap of ours or of the peer was reached
  kExpired,        // the server forgot our place (HTTP 410)
  kCancelled,      // we were asked to stop
  kInternal,       // a bug, or a peer that breaks its protocol
};

std::string_view ToString(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}   // NOLINT
  Result(tl::expected<T, Error> base) : tl::expected<T, Error>(std::move(base)) {}  // NOLINT
};

using Status = Result<void>;

inline Error Invalid(std::string message) { return {Code::kInvalid, std::move(message)}; }
inline Error NotFound(std::string message) { return {Code::kNotFound, std::move(message)}; }
inline Error Unavailable(std::string message) { return {Code::kUnavailable, std::move(message)}; }
inline Error Timeout(std::string message) { return {Code::kTimeout, std::move(message)}; }
inline Error Cancelled(std::string message) { return {Code::kCancelled, std::move(message)}; }
inline Error Internal(std::string message) { return {Code::kInternal, std::move(message)}; }

// Puts the place in front of the sentence: Annotate("targets[0].redis", error).
inline Error Annotate(std::string_view where, Error error) {
  error.message = std::string(where) + ": " + error.message;
  return error;
}

// The same where the sentence begins with a field of that place, so that both make one path:
// Nest("spec.targets[0]", "ttl: is not a duration") is "spec.targets[0].ttl: is not a duration".
inline Error Nest(std::string_view place, Error error) {
  error.message = std::string(place) + "." + error.message;
  return error;
}

}  // namespace stoker

// STOKER_TRY(auto value, Function()); returns the error to the caller, or goes on with the value.
#define STOKER_CONCAT_INNER(a, b) a##b
#define STOKER_CONCAT(a, b) STOKER_CONCAT_INNER(a, b)
#define STOKER_TRY_IMPL(tmp, var, expr, ret)             \
  auto tmp = (expr);                                     \
  if (!tmp) ret ::stoker::Error(std::move(tmp.error())); \
  var = std::move(*tmp)
#define STOKER_CHECK_IMPL(tmp, expr, ret) \
  if (auto tmp = (expr); !tmp) ret ::stoker::Error(std::move(tmp.error()))
#define STOKER_TRY(var, expr) STOKER_TRY_IMPL(STOKER_CONCAT(try_, __LINE__), var, expr, return)
#define STOKER_CHECK(expr) STOKER_CHECK_IMPL(STOKER_CONCAT(try_, __LINE__), expr, return)
// The same inside a coroutine.
#define STOKER_CO_TRY(var, expr) \
  STOKER_TRY_IMPL(STOKER_CONCAT(try_, __LINE__), var, expr, co_return)
#define STOKER_CO_CHECK(expr) STOKER_CHECK_IMPL(STOKER_CONCAT(try_, __LINE__), expr, co_return)
