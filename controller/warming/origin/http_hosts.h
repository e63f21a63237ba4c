#pragma once

// The hosts that a client talked to: how to greet each, and its idle connections.
//
// URLs can name any number of hosts (redirects, sitemaps, templates), and each idle connection
// costs a file descriptor. Both are bounded: the host not used for longest is forgotten, the
// connection idle for longest closed.
//
// Thread safety: one loop. A host that was forgotten lives on while a request to it is in flight.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/warming/origin/http_client.h"
#include "controller/warming/origin/http_connection.h"

namespace stoker::warming {

// One scheme, host and port, greeted as the origin or as a stranger.
struct HttpHost {
  Endpoint endpoint;
  // What follows the target in a request, but for the empty line: for the host that the headers are
  // meant for, and for others, to which a redirect led.
  std::string tail, tail_for_strangers;
  std::vector<std::unique_ptr<HttpConnection>> idle;  // the warmest last
  std::uint64_t used = 0;                             // by the clock of HttpHosts
};

class HttpHosts {
 public:
  using ConnectionPtr = std::unique_ptr<HttpConnection>;
  static constexpr std::size_t kMaxHosts = 64;

  explicit HttpHosts(const HttpClientOptions& options);  // which outlive it

  // kInvalid when a configured header cannot be sent, or TLS cannot be set up. The configured TLS
  // (private authority, client certificate, server name) is for the origin's own host; a stranger,
  // to which a redirect led, is judged by the system's trust and shown no certificate.
  Result<std::shared_ptr<HttpHost>> Find(const Url& url, bool origin = true);
  // A connection that is still good; null when there is none.
  ConnectionPtr TakeIdle(HttpHost& host);
  // Keeps the connection, if its last exchange left it clean.
  void GiveBack(HttpHost& host, ConnectionPtr connection);
  void CloseIdle();
  [[nodiscard]] std::size_t size() const { return hosts_.size(); }

 private:
  Result<std::shared_ptr<HttpHost>> Make(const Url& url, bool origin);
  [[nodiscard]] std::string Tail(const Url& url, bool own) const;
  void ForgetOne();
  void CloseOne();

  const HttpClientOptions& options_;
  const std::string bad_header_;  // the name of one that cannot be sent, or empty
  std::unordered_map<std::string, std::shared_ptr<HttpHost>> hosts_;
  std::shared_ptr<const TlsContext> system_trust_;
  std::size_t idle_ = 0;  // over all of hosts_
  std::uint64_t clock_ = 0;
  std::string key_;  // memory for Find
};

}  // namespace stoker::warming
