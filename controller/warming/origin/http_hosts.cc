#include "controller/warming/origin/http_hosts.h"

#include <strings.h>

#include <algorithm>
#include <utility>

namespace stoker::warming {
namespace {

bool IsSafeHeader(const std::string& name, const std::string& value) {
  constexpr std::string_view kToken =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
  return !name.empty() && name.find_first_not_of(kToken) == std::string::npos &&
         std::none_of(value.begin(), value.end(), [](char c) {
           return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
         });
}

std::string FindBadHeader(const HttpClientOptions& options) {
  for (const auto& [name, value] : options.headers) {
    if (!IsSafeHeader(name, value)) return "\"" + name.substr(0, 64) + "\"";
  }
  return {};
}

bool Is(const std::string& name, const char* other) { return strcasecmp(name.c_str(), other) == 0; }

// Headers that say nothing about who asks; the rest may come from Secrets.
bool MayCrossHosts(const std::string& name) {
  return Is(name, "accept") || Is(name, "accept-language");
}

bool IsOurs(const std::string& name) {
  return Is(name, "connection") || Is(name, "content-length") || Is(name, "transfer-encoding");
}

}  // namespace

HttpHosts::HttpHosts(const HttpClientOptions& options)
    : options_(options), bad_header_(FindBadHeader(options)) {}

Result<std::shared_ptr<HttpHost>> HttpHosts::Find(const Url& url, bool origin) {
  key_.assign(url.https ? "s" : "p")
      .append(origin ? "o" : "t")
      .append(url.host)
      .append(":")
      .append(url.port);
  auto found = hosts_.find(key_);
  if (found == hosts_.end()) {
    STOKER_TRY(std::shared_ptr<HttpHost> made, Make(url, origin));
    if (hosts_.size() >= kMaxHosts) ForgetOne();
    found = hosts_.emplace(key_, std::move(made)).first;
  }
  found->second->used = ++clock_;
  return found->second;
}

Result<std::shared_ptr<HttpHost>> HttpHosts::Make(const Url& url, bool origin) {
  if (!bad_header_.empty()) {
    return Invalid("the header " + bad_header_ + " has a character that headers cannot have");
  }
  auto host = std::make_shared<HttpHost>();
  host->endpoint = {url.host, url.port, nullptr};
  if (url.https && origin && options_.tls) {
    host->endpoint.tls = options_.tls;
  } else if (url.https) {
    if (!system_trust_) {
      STOKER_TRY(system_trust_, TlsContext::Make({}));
    }
    host->endpoint.tls = system_trust_;
  }
  host->tail = Tail(url, true);
  host->tail_for_strangers = Tail(url, false);
  return host;
}

std::string HttpHosts::Tail(const Url& url, bool own) const {
  const bool v6 = url.host.find(':') != std::string::npos;
  const bool standard = url.port == (url.https ? "443" : "80");
  std::string authority = v6 ? "[" + url.host + "]" : url.host;
  if (!standard) authority += ":" + url.port;
  std::string agent = "User-Agent: " + options_.user_agent + "\r\n";
  std::string encoding = options_.accept_gzip ? "Accept-Encoding: gzip, deflate\r\n" : "";
  std::string accept = "Accept: */*\r\n";
  std::string others;
  for (const auto& [name, value] : options_.headers) {
    if (IsOurs(name) || (!own && !MayCrossHosts(name))) continue;
    if (Is(name, "host")) {
      authority = value;
      continue;
    }
    if (Is(name, "user-agent")) agent.clear();
    if (Is(name, "accept-encoding")) encoding.clear();
    if (Is(name, "accept")) accept.clear();
    others += name + ": " + value + "\r\n";
  }
  return " HTTP/1.1\r\nHost: " + authority + "\r\n" + agent + accept + encoding + others;
}

void HttpHosts::ForgetOne() {
  const auto oldest = std::min_element(
      hosts_.begin(), hosts_.end(),
      [](const auto& a, const auto& b) { return a.second->used < b.second->used; });
  idle_ -= oldest->second->idle.size();
  oldest->second->idle.clear();
  oldest->second->used = 0;  // whoever still talks to it does not give connections back
  hosts_.erase(oldest);
}

HttpHosts::ConnectionPtr HttpHosts::TakeIdle(HttpHost& host) {
  while (!host.idle.empty()) {
    ConnectionPtr connection = std::move(host.idle.back());
    host.idle.pop_back();
    --idle_;
    if (connection->Reusable()) return connection;
  }
  return nullptr;
}

void HttpHosts::GiveBack(HttpHost& host, ConnectionPtr connection) {
  if (!connection->clean() || host.used == 0) return;
  if (idle_ >= static_cast<std::size_t>(std::max(1, options_.max_idle))) CloseOne();
  host.idle.push_back(std::move(connection));
  ++idle_;
}

void HttpHosts::CloseOne() {
  HttpHost* oldest = nullptr;
  for (const auto& [key, host] : hosts_) {
    if (!host->idle.empty() && (oldest == nullptr || host->used < oldest->used))
      oldest = host.get();
  }
  if (oldest == nullptr) return;
  oldest->idle.erase(oldest->idle.begin());
  --idle_;
}

void HttpHosts::CloseIdle() {
  for (const auto& [key, host] : hosts_) host->idle.clear();
  idle_ = 0;
}

}  // namespace stoker::warming
