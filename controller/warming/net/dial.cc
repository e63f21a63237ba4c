#include "controller/warming/net/dial.h"

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <utility>

namespace stoker::warming {
namespace {

using asio::ip::tcp;
using Reason = ConnectError::Reason;

constexpr std::chrono::milliseconds kHeadStart{250};

ConnectError Explain(const std::string& where, std::error_code ec) {
  if (ec == asio::error::connection_refused) {
    return {Reason::kRefused, Code::kUnavailable, where + " refused the connection"};
  }
  if (ec == asio::error::connection_reset) {
    return {Reason::kReset, Code::kUnavailable, where + " reset the connection"};
  }
  return {Reason::kUnreachable, Code::kUnavailable, where + " cannot be reached: " + ec.message()};
}

// The attempts of one Dial. Lives until the last handler has run; the first success wins.
class Race : public std::enable_shared_from_this<Race> {
 public:
  Race(asio::io_context& loop, std::vector<asio::ip::address> addresses, std::uint16_t port,
       const EgressGuard& guard, std::string where, Waiter& waiter)
      : loop_(loop),
        addresses_(std::move(addresses)),
        port_(port),
        guard_(guard),
        where_(std::move(where)),
        waiter_(&waiter),
        head_start_(loop) {}

  void StartNext() {
    while (waiter_ != nullptr && next_ < addresses_.size()) {
      const asio::ip::address address = addresses_[next_++];
      if (!guard_.Allows(address)) {
        error_ = ConnectError(Reason::kEgressRefused, Code::kPermission,
                              where_ + ": dialling " + address.to_string() +
                                  " is not allowed from here (egress guard)");
        continue;
      }
      Attempt(address);
      return ArmHeadStart();
    }
    if (running_ == 0) Finish();
  }

  void Abandon() {
    waiter_ = nullptr;
    head_start_.cancel();
    std::error_code ignored;
    for (const auto& socket : sockets_) socket->close(ignored);
  }

  std::optional<tcp::socket> winner;
  [[nodiscard]] ConnectError TakeError() {
    return error_ ? std::move(*error_)
                  : ConnectError(Reason::kUnknownHost, Code::kUnavailable, where_ + ": no address");
  }

 private:
  void Attempt(const asio::ip::address& address) {
    const auto socket = std::make_shared<tcp::socket>(loop_);
    sockets_.push_back(socket);
    ++running_;
    socket->async_connect(
        tcp::endpoint(address, port_),
        [self = shared_from_this(), socket](std::error_code ec) { self->OnConnect(*socket, ec); });
  }

  void OnConnect(tcp::socket& socket, std::error_code ec) {
    --running_;
    if (waiter_ == nullptr || winner) return;
    if (ec) {
      // A refusal by the guard is not hidden by what another address answered.
      if (!error_ || error_->reason != Reason::kEgressRefused) error_ = Explain(where_, ec);
      return StartNext();
    }
    std::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    winner.emplace(std::move(socket));
    Finish();
  }

  void ArmHeadStart() {
    if (next_ >= addresses_.size()) return;
    head_start_.expires_after(kHeadStart);
    head_start_.async_wait([self = shared_from_this()](std::error_code ec) {
      if (!ec) self->StartNext();
    });
  }

  void Finish() {
    if (waiter_ != nullptr) std::exchange(waiter_, nullptr)->Finish();
  }

  asio::io_context& loop_;
  const std::vector<asio::ip::address> addresses_;
  const std::uint16_t port_;
  const EgressGuard& guard_;
  const std::string where_;
  Waiter* waiter_;
  asio::steady_timer head_start_;
  std::vector<std::shared_ptr<tcp::socket>> sockets_;
  std::optional<ConnectError> error_;
  std::size_t next_ = 0;
  int running_ = 0;
};

}  // namespace

asio::awaitable<DialResult> Dial(asio::io_context& loop, std::vector<asio::ip::address> addresses,
                                 std::uint16_t port, const EgressGuard& guard, std::string where,
                                 Waiter& waiter, SteadyTime deadline) {
  const auto race = std::make_shared<Race>(loop, std::move(addresses), port, guard, where, waiter);
  race->StartNext();
  co_await waiter.Wait(deadline);
  race->Abandon();
  if (waiter.cancelled()) {
    co_return tl::make_unexpected(
        ConnectError(Reason::kCancelled, Code::kCancelled, where + ": cancelled"));
  }
  if (race->winner) co_return std::move(*race->winner);
  if (!waiter.finished()) {
    co_return tl::make_unexpected(ConnectError(Reason::kTimeout, Code::kTimeout,
                                               where + " did not accept the connection in time"));
  }
  co_return tl::make_unexpected(race->TakeError());
}

}  // namespace stoker::warming
