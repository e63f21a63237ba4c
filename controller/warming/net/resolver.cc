#include "controller/warming/net/resolver.h"

#include <ares.h>
#include <netinet/in.h>

#include <algorithm>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <cstring>
#include <map>
#include <utility>

namespace stoker::warming {
namespace {

using asio::ip::address;
using Reason = ConnectError::Reason;

void InitializeLibrary() {
  static const int once = ares_library_init(ARES_LIB_INIT_ALL);
  (void)once;
}

ConnectError Explain(const std::string& host, int status) {
  if (status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME) {
    return {Reason::kUnknownHost, Code::kUnavailable, host + ": no such host"};
  }
  if (status == ARES_ETIMEOUT) {
    return {Reason::kResolver, Code::kUnavailable, host + ": the name servers did not answer"};
  }
  return {Reason::kResolver, Code::kUnavailable,
          host + ": cannot be resolved (" + ares_strerror(status) + ")"};
}

std::vector<address> ReadAddresses(const ares_addrinfo* info) {
  std::vector<address> v4, v6, mixed;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family == AF_INET) {
      sockaddr_in in{};
      std::memcpy(&in, node->ai_addr, sizeof(in));
      v4.emplace_back(asio::ip::address_v4(ntohl(in.sin_addr.s_addr)));
    } else if (node->ai_family == AF_INET6) {
      sockaddr_in6 in{};
      std::memcpy(&in, node->ai_addr, sizeof(in));
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
      v6.emplace_back(asio::ip::address_v6(bytes, in.sin6_scope_id));
    }
  }
  const bool v6_first = info->nodes != nullptr && info->nodes->ai_family == AF_INET6;
  const auto& first = v6_first ? v6 : v4;
  const auto& second = v6_first ? v4 : v6;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

}  // namespace

struct Lookup::Impl : std::enable_shared_from_this<Lookup::Impl> {
  // One socket of c-ares. The descriptor is released, never closed, when c-ares is done with it.
  struct Watch {
    explicit Watch(asio::io_context& loop, ares_socket_t fd) : descriptor(loop, fd) {}
    asio::posix::stream_descriptor descriptor;
    bool want_read = false, want_write = false;
    bool reading = false, writing = false;
    bool released = false;
  };

  Impl(asio::io_context& l, const ResolverOptions& o) : loop(l), options(o), timer(l) {}

  asio::io_context& loop;
  ResolverOptions options;
  asio::steady_timer timer;
  ares_channel channel = nullptr;
  std::map<ares_socket_t, std::shared_ptr<Watch>> watches;
  std::string host;
  Done done;

  int OpenChannel() {
    ares_options settings{};
    settings.timeout = static_cast<int>(options.attempt_timeout.count());
    settings.tries = options.attempts;
    settings.sock_state_cb = &OnSocketState;
    settings.sock_state_cb_data = this;
    const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    const int status = ares_init_options(&channel, &settings, mask);
    if (status != ARES_SUCCESS || options.servers.empty()) return status;
    return ares_set_servers_ports_csv(channel, options.servers.c_str());
  }

  void Begin() {
    InitializeLibrary();
    if (const int status = OpenChannel(); status != ARES_SUCCESS) {
      return Finish(tl::make_unexpected(Explain(host, status)));
    }
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel, host.c_str(), nullptr, &hints, &OnAnswer, this);
    ArmTimer();
  }

  void Finish(Addresses result) {
    if (Done call = std::exchange(done, nullptr)) call(std::move(result));
  }

  static void OnAnswer(void* self, int status, int, ares_addrinfo* info) {
    auto* impl = static_cast<Impl*>(self);
    if (status == ARES_SUCCESS && info != nullptr) {
      std::vector<address> found = ReadAddresses(info);
      ares_freeaddrinfo(info);
      if (!found.empty()) return impl->Finish(std::move(found));
      status = ARES_ENODATA;
    }
    impl->Finish(tl::make_unexpected(Explain(impl->host, status)));
  }

  static void OnSocketState(void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Impl*>(self)->Observe(fd, readable != 0, writable != 0);
  }

  void Observe(ares_socket_t fd, bool readable, bool writable) {
    auto found = watches.find(fd);
    if (!readable && !writable) {
      if (found == watches.end()) return;
      found->second->released = true;
      found->second->descriptor.release();
      watches.erase(found);
      return;
    }
    if (found == watches.end()) {
      found = watches.emplace(fd, std::make_shared<Watch>(loop, fd)).first;
    }
    found->second->want_read = readable;
    found->second->want_write = writable;
    Arm(fd, found->second);
  }

  void Arm(ares_socket_t fd, const std::shared_ptr<Watch>& watch) {
    using asio::posix::stream_descriptor;
    if (watch->want_read && !watch->reading) {
      watch->reading = true;
      watch->descriptor.async_wait(stream_descriptor::wait_read,
                                   [self = shared_from_this(), fd, watch](std::error_code ec) {
                                     watch->reading = false;
                                     if (!ec) self->Process(watch, fd, ARES_SOCKET_BAD);
                                   });
    }
    if (watch->want_write && !watch->writing) {
      watch->writing = true;
      watch->descriptor.async_wait(stream_descriptor::wait_write,
                                   [self = shared_from_this(), fd, watch](std::error_code ec) {
                                     watch->writing = false;
                                     if (!ec) self->Process(watch, ARES_SOCKET_BAD, fd);
                                   });
    }
  }

  void Process(const std::shared_ptr<Watch>& watch, ares_socket_t read_fd, ares_socket_t write_fd) {
    if (watch->released || channel == nullptr) return;
    ares_process_fd(channel, read_fd, write_fd);
    if (!watch->released) Arm(read_fd != ARES_SOCKET_BAD ? read_fd : write_fd, watch);
    ArmTimer();
  }

  // c-ares repeats and gives up queries by time: wake it when it asks to be.
  void ArmTimer() {
    if (channel == nullptr || !done) return;
    timeval next{};
    const timeval* wait = ares_timeout(channel, nullptr, &next);
    if (wait == nullptr) return;
    timer.expires_after(std::chrono::seconds(wait->tv_sec) +
                        std::chrono::microseconds(wait->tv_usec + 1000));
    timer.async_wait([self = shared_from_this()](std::error_code ec) {
      if (ec || self->channel == nullptr) return;
      ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      self->ArmTimer();
    });
  }

  void Close() {
    done = nullptr;
    timer.cancel();
    if (channel != nullptr) ares_destroy(std::exchange(channel, nullptr));
    for (auto& [fd, watch] : watches) {
      watch->released = true;
      watch->descriptor.release();
    }
    watches.clear();
  }
};

Lookup::Lookup(asio::io_context& loop, const ResolverOptions& options)
    : impl_(std::make_shared<Impl>(loop, options)) {}

Lookup::~Lookup() { impl_->Close(); }

void Lookup::Start(const std::string& host, Done done) {
  impl_->host = host;
  impl_->done = std::move(done);
  impl_->Begin();
}

void Lookup::Stop() { impl_->Close(); }

}  // namespace stoker::warming
