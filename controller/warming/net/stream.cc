#include "controller/warming/net/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <asio/ssl.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <utility>

namespace stoker::warming {
namespace {

using asio::ip::tcp;

Error Explain(const std::string& name, std::error_code ec) {
  if (ec == asio::error::operation_aborted) return Cancelled(name + ": the connection was closed");
  if (ec == asio::error::connection_reset || ec == asio::error::broken_pipe) {
    return Unavailable(name + " reset the connection");
  }
  if (ec == asio::ssl::error::stream_truncated) {
    return Unavailable(name + " cut the TLS connection off");
  }
  if (ec == asio::error::eof) return Unavailable(name + " closed the connection");
  return Unavailable(name + ": " + ec.message());
}

// What lies unread on a socket: nothing (-1 and EAGAIN), an end (0), or bytes.
ssize_t Peek(tcp::socket& socket) {
  char byte = 0;
  const ssize_t got = recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return 0;
  return got;
}

void CloseSocket(tcp::socket& socket) {
  std::error_code ignored;
  socket.close(ignored);
}

class PlainStream final : public Stream {
 public:
  PlainStream(tcp::socket socket, std::string name)
      : socket_(std::move(socket)), name_(std::move(name)) {}

  asio::awaitable<Result<std::size_t>> ReadSome(char* data, std::size_t size) override {
    std::error_code ec;
    const std::size_t got = co_await socket_.async_read_some(
        asio::buffer(data, size), asio::redirect_error(asio::use_awaitable, ec));
    if (ec == asio::error::eof) co_return std::size_t{0};
    if (ec) co_return Explain(name_, ec);
    co_return got;
  }

  asio::awaitable<Status> WriteAll(std::string_view data) override {
    data.remove_prefix(TryWrite(data));
    if (data.empty()) co_return Status();
    std::error_code ec;
    co_await asio::async_write(socket_, asio::buffer(data.data(), data.size()),
                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return Explain(name_, ec);
    co_return Status();
  }

  std::size_t TryWrite(std::string_view data) override {
    if (!socket_.is_open()) return 0;
    const ssize_t sent =
        send(socket_.native_handle(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }

  bool IsQuiet() override { return socket_.is_open() && Peek(socket_) < 0; }
  void Close() override { CloseSocket(socket_); }
  [[nodiscard]] bool IsOpen() const override { return socket_.is_open(); }

 private:
  tcp::socket socket_;
  const std::string name_;
};

// Shared, because a handshake that missed its deadline still has a handler on its way.
struct TlsState {
  TlsState(tcp::socket socket, SSL_CTX* native)
      : context(Referenced(native)), stream(std::move(socket), context) {}
  asio::ssl::context context;  // drops a reference when it ends, so it is given one of its own
  asio::ssl::stream<tcp::socket> stream;
  std::error_code handshake;

 private:
  static SSL_CTX* Referenced(SSL_CTX* native) {
    SSL_CTX_up_ref(native);
    return native;
  }
};

class TlsStream final : public Stream {
 public:
  TlsStream(std::shared_ptr<TlsState> state, std::string name)
      : state_(std::move(state)), name_(std::move(name)) {}
  ~TlsStream() override { TlsStream::Close(); }

  asio::awaitable<Result<std::size_t>> ReadSome(char* data, std::size_t size) override {
    const auto state = state_;
    std::error_code ec;
    const std::size_t got = co_await state->stream.async_read_some(
        asio::buffer(data, size), asio::redirect_error(asio::use_awaitable, ec));
    if (ec == asio::error::eof) co_return std::size_t{0};
    if (ec) co_return Explain(name_, ec);
    co_return got;
  }

  asio::awaitable<Status> WriteAll(std::string_view data) override {
    const auto state = state_;
    std::error_code ec;
    co_await asio::async_write(state->stream, asio::buffer(data.data(), data.size()),
                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return Explain(name_, ec);
    co_return Status();
  }

  std::size_t TryWrite(std::string_view) override { return 0; }
  // Session tickets come before the first answer, so whatever is left after one is surplus: not
  // yet read, not yet decrypted, or decrypted and not yet taken.
  bool IsQuiet() override {
    if (!IsOpen()) return false;
    SSL* ssl = state_->stream.native_handle();
    return SSL_has_pending(ssl) == 0 && BIO_pending(SSL_get_rbio(ssl)) == 0 &&
           Peek(state_->stream.next_layer()) < 0;
  }
  void Close() override { CloseSocket(state_->stream.next_layer()); }
  [[nodiscard]] bool IsOpen() const override { return state_->stream.next_layer().is_open(); }

 private:
  const std::shared_ptr<TlsState> state_;
  const std::string name_;
};

// The name to verify; SNI only for names, for RFC 6066 forbids it for addresses. False: no
// certificate can be checked against such a name (an IPv6 address with a zone).
bool ExpectName(SSL* ssl, const std::string& name) {
  std::error_code ec;
  asio::ip::make_address(name, ec);
  if (!ec) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  }
  SSL_set_tlsext_host_name(ssl, name.c_str());
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, name.c_str()) == 1;
}

// A server of lines, as Redis, waits for the end of the line that it takes a ClientHello for, until
// that is longer than 64 KiB: then it complains. So whoever has not said a word for most of the
// time gets as much, before it is given up.
void ProvokePlainAnswer(TlsState& state) {
  if (BIO_number_read(SSL_get_rbio(state.stream.native_handle())) > 0) return;
  const std::string filler(64 << 10, '\0');
  (void)send(state.stream.next_layer().native_handle(), filler.data(), filler.size(),
             MSG_DONTWAIT | MSG_NOSIGNAL);
}

// OpenSSL takes the first bytes of a plain answer for the version of a TLS record.
bool AnsweredInPlainText(std::error_code ec) {
  return ec.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_WRONG_VERSION_NUMBER;
}

ConnectError ExplainHandshake(const std::string& where, const std::string& name, SSL* ssl,
                              std::error_code ec) {
  // Found out all the same where nobody asked for it.
  const long verdict =
      SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ? X509_V_OK : SSL_get_verify_result(ssl);
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return {ConnectError::Reason::kTlsNotTrusted, Code::kUnavailable,
            where + ": the certificate is not valid for " + name +
                "; set tls.serverName to a name it holds"};
  }
  if (verdict != X509_V_OK) {
    return {ConnectError::Reason::kTlsNotTrusted, Code::kUnavailable,
            where + ": certificate not trusted (" + X509_verify_cert_error_string(verdict) + ")"};
  }
  if (AnsweredInPlainText(ec)) {
    return {ConnectError::Reason::kNotTls, Code::kInvalid,
            where +
                " does not speak TLS: it answered in plain text; remove tls, or use http:// in the "
                "URL of an origin"};
  }
  if (ec == asio::error::connection_reset || ec == asio::error::eof ||
      ec == asio::ssl::error::stream_truncated) {
    return {ConnectError::Reason::kTls, Code::kUnavailable,
            where +
                " closed the connection during the TLS handshake; if it does not speak TLS, "
                "remove tls"};
  }
  return {ConnectError::Reason::kTls, Code::kUnavailable,
          where + ": the TLS handshake failed (" + ec.message() + ")"};
}

}  // namespace

std::unique_ptr<Stream> MakePlainStream(tcp::socket socket, std::string name) {
  return std::make_unique<PlainStream>(std::move(socket), std::move(name));
}

asio::awaitable<ConnectResult> MakeTlsStream(tcp::socket socket, Endpoint endpoint, Waiter& waiter,
                                             SteadyTime deadline) {
  const std::string where = endpoint.host + ":" + endpoint.port;
  const std::string& configured = endpoint.tls->options().server_name;
  const std::string name = configured.empty() ? endpoint.host : configured;
  const auto state =
      std::make_shared<TlsState>(std::move(socket), static_cast<SSL_CTX*>(endpoint.tls->native()));
  SSL* ssl = state->stream.native_handle();
  if (!ExpectName(ssl, name) && !endpoint.tls->options().insecure_skip_verify) {
    ERR_clear_error();
    co_return tl::make_unexpected(ConnectError(ConnectError::Reason::kTlsNotTrusted, Code::kInvalid,
                                               where + ": no certificate can be checked against " +
                                                   name +
                                                   "; set tls.serverName to a name it holds"));
  }
  const auto finished = std::make_shared<Waiter*>(&waiter);
  state->stream.async_handshake(asio::ssl::stream_base::client,
                                [state, finished](std::error_code ec) {
                                  state->handshake = ec;
                                  if (*finished != nullptr) (*finished)->Finish();
                                });
  const SteadyTime now = std::chrono::steady_clock::now();
  co_await waiter.Wait(now + (deadline - now) / 4 * 3);
  if (!waiter.finished()) {
    ProvokePlainAnswer(*state);
    co_await waiter.Wait(deadline);
  }
  *finished = nullptr;
  if (waiter.cancelled() || !waiter.finished()) {
    CloseSocket(state->stream.next_layer());
    if (waiter.cancelled()) {
      co_return tl::make_unexpected(
          ConnectError(ConnectError::Reason::kCancelled, Code::kCancelled, where + ": cancelled"));
    }
    co_return tl::make_unexpected(ConnectError(
        ConnectError::Reason::kTimeout, Code::kTimeout,
        where + " did not finish the TLS handshake in time; if it does not speak TLS, remove tls"));
  }
  if (state->handshake) {
    ConnectError error = ExplainHandshake(where, name, ssl, state->handshake);
    ERR_clear_error();
    CloseSocket(state->stream.next_layer());
    co_return tl::make_unexpected(std::move(error));
  }
  co_return std::make_unique<TlsStream>(state, where);
}

}  // namespace stoker::warming
