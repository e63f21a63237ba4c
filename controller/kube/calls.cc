#include "controller/kube/calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "controller/base/json.h"

namespace stoker::kube {
namespace {

constexpr std::size_t kMaxSentence = 1024;

std::string Encode(std::string_view text) {
  std::string encoded;
  for (const unsigned char c : text) {
    const bool plain = std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += static_cast<char>(c);
    } else {
      encoded += fmt::format("%{:02X}", c);
    }
  }
  return encoded;
}

Code CodeFor(int status, std::string_view reason) {
  switch (status) {
    case 401:
    case 403:
      return Code::kPermission;
    case 404:
      return Code::kNotFound;
    case 408:
    case 504:
      return Code::kTimeout;
    case 409:
      return reason == "AlreadyExists" ? Code::kAlreadyExists : Code::kConflict;
    case 410:
      return Code::kExpired;
    case 429:
      return Code::kUnavailable;
    default:
      break;
  }
  if (status >= 500) return Code::kUnavailable;
  return status >= 400 ? Code::kInvalid : Code::kInternal;
}

std::string TextOf(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// The server refuses to make anything in a namespace that is being deleted: a 403 with a cause.
bool IsNamespaceTerminating(const nlohmann::json& status) {
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) return false;
  const auto causes = details->find("causes");
  if (causes == details->end() || !causes->is_array()) return false;
  return std::ranges::any_of(*causes, [](const nlohmann::json& cause) {
    return cause.is_object() && TextOf(cause, "reason") == "NamespaceTerminating";
  });
}

Error MakeError(int status, std::string_view reason, std::string sentence) {
  if (status == 401) {
    sentence =
        "the API server does not accept our credentials (401): check the token, certificate or "
        "plugin "
        "of the kubeconfig's user";
  } else if (sentence.empty()) {
    sentence = fmt::format("the API server answered {}", status);
  }
  if (sentence.size() > kMaxSentence) sentence = sentence.substr(0, kMaxSentence) + "...";
  return {CodeFor(status, reason), std::move(sentence)};
}

Error ErrorFromBody(int number, const nlohmann::json& status) {
  Error error = MakeError(number, TextOf(status, "reason"), TextOf(status, "message"));
  if (number == 403 && IsNamespaceTerminating(status)) error.code = Code::kExpired;
  return error;
}

std::optional<Millis> RetryAfter(const HttpResponse& response) {
  if (response.status != 429 && response.status != 503) return std::nullopt;
  const auto it = response.headers.find("retry-after");
  if (it == response.headers.end()) return std::nullopt;
  int seconds = -1;
  const auto& text = it->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

// False when stopped.
bool SleepUnlessStopped(Millis delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

std::string WithQuery(std::string path, const Query& query) {
  char separator = '?';
  for (const auto& [key, value] : query) {
    if (value.empty()) continue;
    path += separator;
    path.append(key).append("=").append(Encode(value));
    separator = '&';
  }
  return path;
}

Error ErrorFromStatus(const nlohmann::json& status) {
  const auto code = status.find("code");
  const int number = code != status.end() && code->is_number_integer() ? code->get<int>() : 500;
  return ErrorFromBody(number, status);
}

Error ErrorFromResponse(const HttpResponse& response) {
  const auto body = ParseJson(response.body);
  if (body && body->is_object() && TextOf(*body, "kind") == "Status") {
    return ErrorFromBody(response.status, *body);
  }
  return MakeError(response.status, {}, {});
}

Result<std::string> CallForText(Transport& transport, HttpRequest request,
                                const std::stop_token& stop) {
  const SteadyTime deadline = SystemClock().Steady() + request.timeout;
  for (bool repeated = false;; repeated = true) {
    STOKER_TRY(HttpResponse response, transport.Do(request, stop));
    if (response.status / 100 == 2) return std::move(response.body);
    const auto delay = RetryAfter(response);
    const auto left = std::chrono::floor<Millis>(deadline - SystemClock().Steady());
    if (repeated || !delay || *delay >= left) return ErrorFromResponse(response);
    if (!SleepUnlessStopped(*delay, stop)) return Cancelled("the request was cancelled");
    request.timeout = left - *delay;
  }
}

Result<nlohmann::json> Call(Transport& transport, HttpRequest request,
                            const std::stop_token& stop) {
  const std::string what = request.method + " " + request.path;
  STOKER_TRY(const std::string body, CallForText(transport, std::move(request), stop));
  auto json = ParseJson(body);
  if (json && json->is_object()) return json;
  return Internal("the API server's answer to " + what + " " +
                  (json ? "is not a JSON object" : json.error().message));
}

Result<std::string> ListPages(Transport& transport, const Resource& r, std::string_view ns,
                              const ListOptions& options, Millis timeout,
                              const PageHandler& handler, const std::stop_token& stop) {
  std::string next;
  int limit = options.limit;
  for (;;) {
    HttpRequest request;
    request.timeout = timeout;
    request.headers["accept"] = "application/json";
    request.path = WithQuery(r.Path(ns), {{"labelSelector", options.label_selector},
                                          {"fieldSelector", options.field_selector},
                                          {"limit", limit > 0 ? std::to_string(limit) : ""},
                                          {"continue", next}});
    auto page = Call(transport, std::move(request), stop);
    if (!page && page.error().code == Code::kExpired && !next.empty()) {
      // The snapshot that the pages are cut from is gone: once more, in one piece.
      handler.again();
      next.clear();
      limit = 0;
      continue;
    }
    if (!page) return std::move(page.error());
    auto items = page->find("items");
    if (items != page->end() && items->is_array()) {
      for (auto& item : *items) {
        item["apiVersion"] = r.ApiVersion();
        item["kind"] = std::string(r.kind);
        handler.item(std::move(item));
      }
    }
    const auto metadata = page->value("metadata", nlohmann::json::object());
    next = TextOf(metadata, "continue");
    if (next.empty()) return TextOf(metadata, "resourceVersion");
  }
}

Result<ListResult> ListAll(Transport& transport, const Resource& r, std::string_view ns,
                           const ListOptions& options, Millis timeout,
                           const std::stop_token& stop) {
  ListResult result;
  const PageHandler handler = {
      .item = [&](nlohmann::json item) { result.items.push_back(std::move(item)); },
      .again = [&] { result.items.clear(); }};
  STOKER_TRY(result.resource_version, ListPages(transport, r, ns, options, timeout, handler, stop));
  return result;
}

}  // namespace stoker::kube
