#pragma once

// Single calls to the API server, for those that need a stop token: the Client, informers, the
// elector.
//
// What an answer means is decided here: a Status becomes an Error with the server's own sentence,
// 429 and 503 with Retry-After are obeyed once within the deadline, list pages are joined.
//
// Thread safety: any thread.

#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/kube/client.h"
#include "controller/kube/resource.h"
#include "controller/kube/transport.h"

namespace stoker::kube {

using Query = std::vector<std::pair<std::string_view, std::string>>;

// The path with a query; values are percent-encoded, empty ones are left out.
std::string WithQuery(std::string path, const Query& query);

// What a failed answer (an HTTP status of 300 or more) means.
Error ErrorFromResponse(const HttpResponse& response);
// The same for a Status object, as a watch sends it in an ERROR event.
Error ErrorFromStatus(const nlohmann::json& status);

// The body of a successful answer.
Result<std::string> CallForText(Transport& transport, HttpRequest request,
                                const std::stop_token& stop);
Result<nlohmann::json> Call(Transport& transport, HttpRequest request, const std::stop_token& stop);

// What becomes of a list as its pages arrive.
struct PageHandler {
  std::function<void(nlohmann::json item)> item;
  std::function<void()> again;  // forget them all: the list starts over
};
// Page by page, so that a long list is never held as a whole; items have apiVersion and kind, which
// the server leaves out of lists. Returns the list's resourceVersion.
Result<std::string> ListPages(Transport& transport, const Resource& r, std::string_view ns,
                              const ListOptions& options, Millis timeout,
                              const PageHandler& handler, const std::stop_token& stop);
// All pages together.
Result<ListResult> ListAll(Transport& transport, const Resource& r, std::string_view ns,
                           const ListOptions& options, Millis timeout, const std::stop_token& stop);

}  // namespace stoker::kube
