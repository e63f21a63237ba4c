#pragma once

// A DNS server on 127.0.0.1 that knows one name, whose addresses a test may change.
//
// Thread safety: Set() from any thread. The destructor stops and joins.

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace stoker::testing {

class NameServer {
 public:
  explicit NameServer(std::vector<std::string> ipv4);
  ~NameServer();
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void Set(std::vector<std::string> ipv4);

 private:
  void Serve();
  std::string AnswerTo(const std::string& question);

  int socket_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> ipv4_;  // protected by mutex_
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stoker::testing
