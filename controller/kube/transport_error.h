#pragma once

// Turns what the HTTP library says about a broken exchange into an Error that a person can act on.
//
// The library reports a sentence and a number; the number is an errno, or OpenSSL's packed code,
// and "timed out" and "cut by the server" carry the same sentence. A pure table, so that it can be
// tested.
//
// Thread safety: a pure function.

#include <string_view>

#include "controller/base/result.h"

namespace stoker::kube {

// `peer` is the API server's host:port, `code` the library's error value.
Error ClassifyTransportError(std::string_view peer, std::string_view what, long code);

}  // namespace stoker::kube
