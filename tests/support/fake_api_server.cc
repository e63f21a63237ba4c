#include "tests/support/fake_api_server.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace stoker::testing {
namespace {

constexpr int kPollMillis = 20;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::shared_ptr<SSL_CTX> MakeContext(const FakeTls& tls) {
  if (tls.cert_file.empty()) return nullptr;
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate_chain_file(context.get(), tls.cert_file.c_str());
  SSL_CTX_use_PrivateKey_file(context.get(), tls.key_file.c_str(), SSL_FILETYPE_PEM);
  if (tls.max_version != 0) {
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), tls.max_version);
  }
  if (!tls.client_ca_file.empty()) {
    SSL_CTX_load_verify_locations(context.get(), tls.client_ca_file.c_str(), nullptr);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

}  // namespace

class FakeApiServer::SocketConnection final : public FakeApiServer::Connection {
 public:
  SocketConnection(int fd, std::shared_ptr<SSL_CTX> context, const std::atomic<bool>& stopping)
      : fd_(fd), context_(std::move(context)), stopping_(stopping) {}
  ~SocketConnection() override {
    Close();
    SSL_free(ssl_);
  }

  bool Handshake() {
    if (!context_) return true;
    ssl_ = SSL_new(context_.get());
    SSL_set_fd(ssl_, fd_);
    if (!WaitReadable()) return false;
    if (SSL_accept(ssl_) != 1) {
      WaitForPeerToClose(std::chrono::seconds(2));  // so that our alert arrives before the end
      return false;
    }
    if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name)) sni_ = name;
    if (X509* peer = SSL_get1_peer_certificate(ssl_)) {
      char subject[256] = {};
      X509_NAME_oneline(X509_get_subject_name(peer), subject, sizeof(subject));
      client_subject_ = subject;
      X509_free(peer);
    }
    return true;
  }

  // Appends what arrives to `into`; false at the end or when stopping.
  bool Read(std::string& into) {
    if ((ssl_ == nullptr || SSL_pending(ssl_) == 0) && !WaitReadable()) return false;
    char buffer[16384];
    const int n = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof(buffer))
                                  : static_cast<int>(recv(fd_, buffer, sizeof(buffer), 0));
    if (n <= 0) return false;
    into.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  bool Send(std::string_view bytes) override {
    while (!bytes.empty() && fd_ >= 0) {
      if (!WaitReady(fd_, POLLOUT, stopping_)) return false;
      const auto piece = bytes.substr(0, 16384);
      const long n = ssl_ != nullptr ? SSL_write(ssl_, piece.data(), static_cast<int>(piece.size()))
                                     : send(fd_, piece.data(), piece.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return fd_ >= 0;
  }
  void Close() override {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  void Reset() override {
    EndByReset(fd_);
    Close();
  }
  bool WaitForPeerToClose(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!stopping_ && std::chrono::steady_clock::now() < deadline) {
      pollfd gone{fd_, POLLIN | POLLRDHUP, 0};
      if (poll(&gone, 1, kPollMillis) > 0 && (gone.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
        return true;
      if ((gone.revents & POLLIN) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
  bool stopping() const override { return stopping_; }
  std::string sni() const override { return sni_; }
  std::string client_subject() const override { return client_subject_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

 private:
  bool WaitReadable() { return fd_ >= 0 && WaitReady(fd_, POLLIN, stopping_); }

  int fd_;
  const std::shared_ptr<SSL_CTX> context_;
  const std::atomic<bool>& stopping_;
  SSL* ssl_ = nullptr;
  std::string sni_, client_subject_;
};

bool FakeApiServer::Connection::Reply(int status, std::string_view body,
                                      const std::map<std::string, std::string>& headers) {
  std::string text = "HTTP/1.1 " + std::to_string(status) +
                     " Scripted\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  text.append("\r\n").append(body);
  return Send(text);
}

bool FakeApiServer::Connection::BeginChunks(int status) {
  return Send("HTTP/1.1 " + std::to_string(status) +
              " Scripted\r\nTransfer-Encoding: chunked\r\n\r\n");
}

bool FakeApiServer::Connection::Chunk(std::string_view bytes) {
  char size[32];
  std::snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
  return Send(std::string(size).append(bytes).append("\r\n"));
}

bool FakeApiServer::Connection::EndChunks() { return Send("0\r\n\r\n"); }

FakeApiServer::FakeApiServer(Script script, FakeTls tls)
    : script_(std::move(script)),
      tls_(std::move(tls)),
      context_(MakeContext(tls_)),
      listener_([this](int fd) {
        SocketConnection connection(fd, context_, listener_.ending());
        Serve(connection);
      }) {}

std::string FakeApiServer::url(const std::string& host) const {
  return (tls_.cert_file.empty() ? "http://" : "https://") + host + ":" + std::to_string(port());
}

std::vector<FakeApiServer::Request> FakeApiServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void FakeApiServer::Serve(SocketConnection& connection) {
  std::string buffer;
  if (!connection.Handshake()) return connection.Close();
  while (connection.open()) {
    std::size_t head = 0;
    while ((head = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!connection.Read(buffer)) return connection.Close();
    }
    Request request;
    const std::string first = buffer.substr(0, buffer.find("\r\n"));
    request.method = first.substr(0, first.find(' '));
    request.path =
        first.substr(request.method.size() + 1, first.rfind(' ') - request.method.size() - 1);
    for (std::size_t at = first.size() + 2; at < head;) {
      const std::size_t end = buffer.find("\r\n", at);
      const std::string line = buffer.substr(at, end - at);
      const std::size_t colon = line.find(':');
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      request.headers[Lower(line.substr(0, colon))] =
          value == std::string::npos ? "" : line.substr(value);
      at = end + 2;
    }
    const auto length = request.headers.find("content-length");
    const std::size_t body = length == request.headers.end() ? 0 : std::stoul(length->second);
    while (buffer.size() < head + 4 + body) {
      if (!connection.Read(buffer)) return connection.Close();
    }
    request.body = buffer.substr(head + 4, body);
    buffer.erase(0, head + 4 + body);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    script_(request, connection);
  }
}

}  // namespace stoker::testing
