// The one file that includes cpprestsdk's client; see transport.h for what it promises. What the
// library does by itself and must not: it times each step instead of the whole, follows redirects
// with our token, buffers without bound, opens connections without bound, trusts the system's
// authorities beside ours, sends addresses as SNI, and ends the process on a task exception that
// nobody observed.
// NOLINTNEXTLINE(readability-identifier-naming): the library's own name
#define _TURN_OFF_PLATFORM_STRING  // else it defines a macro named U, which breaks fmt
#include "controller/kube/cpprest_transport.h"

#include <arpa/inet.h>
#include <cpprest/http_client.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "controller/kube/lines.h"
#include "controller/kube/response_pipe.h"
#include "controller/kube/slots.h"
#include "controller/kube/transport_error.h"

namespace stoker::kube {
namespace {

using web::http::client::http_client;
using web::http::client::http_client_config;
using SteadyDeadline = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxErrorBody = std::size_t{1} << 20;
constexpr std::size_t kHttpThreads = 4;

// An Error on its way through the library's task chain.
struct ErrorException : std::exception {
  explicit ErrorException(Error e) : error(std::move(e)) {}
  Error error;
};

// Receives a response's bytes from the library and passes them into a pipe. Write-only; its putn
// completes only when the pipe has room, which makes the library stop reading from the socket.
class PipeSink final : public concurrency::streams::details::streambuf_state_manager<uint8_t> {
 public:
  explicit PipeSink(std::shared_ptr<ResponsePipe> pipe)
      : streambuf_state_manager(std::ios_base::out), pipe_(std::move(pipe)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(size_t, std::ios_base::openmode) override {}
  size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return kNoPosition; }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return kNoPosition; }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return kNoPosition;
  }
  bool acquire(uint8_t*&, size_t&) override { return false; }
  void release(uint8_t*, size_t) override {}

 protected:
  pplx::task<size_t> _putn(const uint8_t* bytes, size_t count) override {
    pplx::task_completion_event<size_t> taken;
    const std::string_view view(reinterpret_cast<const char*>(bytes), count);
    if (pipe_->Push(view, [taken, count] { taken.set(count); })) {
      return pplx::task_from_result(count);
    }
    return pplx::create_task(taken);
  }
  pplx::task<int_type> _putc(uint8_t byte) override {
    return _putn(&byte, 1).then([byte](size_t) -> int_type { return byte; });
  }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  pplx::task<int_type> _bumpc() override { return NoRead(); }
  pplx::task<int_type> _getc() override { return NoRead(); }
  pplx::task<int_type> _nextc() override { return NoRead(); }
  pplx::task<int_type> _ungetc() override { return NoRead(); }
  int_type _sbumpc() override { return traits::eof(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<size_t> _getn(uint8_t*, size_t) override { return pplx::task_from_result<size_t>(0); }
  size_t _scopy(uint8_t*, size_t) override { return 0; }
  uint8_t* _alloc(size_t) override { return nullptr; }
  void _commit(size_t) override {}

 private:
  static constexpr off_type kNoPosition = -1;
  static pplx::task<int_type> NoRead() { return pplx::task_from_result<int_type>(traits::eof()); }

  const std::shared_ptr<ResponsePipe> pipe_;
};

struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
using TrustStore = std::shared_ptr<X509_STORE>;

Result<TrustStore> ParseAuthorities(const std::string& pem) {
  if (pem.empty()) return TrustStore();
  TrustStore store(X509_STORE_new(), FreeStore());
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  int count = 0;
  for (;; ++count) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    if (!certificate) break;
    X509_STORE_add_cert(store.get(), certificate.get());
  }
  ERR_clear_error();
  if (count == 0) return Invalid("the certificate-authority holds no PEM certificate");
  return store;
}

// Runs for every new connection, so replaced certificate files take effect without a restart.
void ConfigureTls(boost::asio::ssl::context& context, const TrustStore& store,
                  Credentials& credentials) {
  SSL_CTX* ssl = context.native_handle();
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  if (store) {
    X509_STORE_up_ref(store.get());
    SSL_CTX_set_cert_store(ssl, store.get());  // replaces the system's
  }
  auto certificate = credentials.Certificate(Millis(0));
  if (!certificate) throw ErrorException(std::move(certificate.error()));
  if (certificate->cert_pem.empty()) return;
  boost::system::error_code failed;
  context.use_certificate_chain(boost::asio::buffer(certificate->cert_pem), failed);
  if (!failed) {
    context.use_private_key(boost::asio::buffer(certificate->key_pem),
                            boost::asio::ssl::context::pem, failed);
  }
  if (failed || SSL_CTX_check_private_key(ssl) != 1) {
    ERR_clear_error();
    throw ErrorException(
        {Code::kPermission,
         "the client certificate and its key cannot be used together: both must be "
         "PEM, and the key must belong to the certificate"});
  }
}

// Looks at a finished task, so that its exception never reaches the library's own handler.
template <class T>
Status Observe(const pplx::task<T>& task, const std::string& peer) {
  try {
    task.get();
    return {};
  } catch (const ErrorException& e) {
    return e.error;
  } catch (const web::http::http_exception& e) {
    return ClassifyTransportError(peer, e.what(), e.error_code().value());
  } catch (const std::exception&) {
    return Unavailable("the exchange with the API server " + peer + " failed");
  }
}

ResponseHead HeadOf(const web::http::http_response& response) {
  ResponseHead head;
  head.status = response.status_code();
  for (const auto& [name, value] : response.headers()) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    head.headers[lower] = value;
  }
  return head;
}

// One exchange under way; leaving early closes its socket.
class Exchange {
 public:
  Exchange() : pipe_(std::make_shared<ResponsePipe>()) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (!ended_) cancel_.cancel();
    pipe_->Abandon();
  }

  Status Begin(http_client& client, const HttpRequest& request, const std::string& authorization,
               const std::string& host_header, const std::string& peer) {
    try {
      web::http::http_request message(request.method);
      message.set_request_uri(web::uri(request.path));
      std::string content_type = "application/json";
      for (const auto& [name, value] : request.headers) {
        if (name == "content-type") {
          content_type = value;
        } else {
          message.headers().add(name, value);
        }
      }
      if (!request.body.empty()) message.set_body(request.body, content_type);
      message.headers().add("User-Agent", "stoker");  // how audit logs call us
      if (!authorization.empty()) message.headers().add("Authorization", authorization);
      if (!host_header.empty()) message.headers().add("Host", host_header);
      message.set_response_stream(
          concurrency::streams::streambuf<uint8_t>(std::make_shared<PipeSink>(pipe_))
              .create_ostream());
      Send(client, message, peer);
      return {};
    } catch (const web::uri_exception&) {
      return Invalid("the API server's path " + request.path + " is not a URL path");
    } catch (const std::exception&) {
      return Internal("the request to the API server " + peer + " could not be made");
    }
  }

  Result<ResponseHead> WaitHead(SteadyDeadline deadline, const std::stop_token& stop) {
    return pipe_->WaitHead(deadline, stop);
  }
  Result<bool> Take(std::string& bytes, SteadyDeadline deadline, const std::stop_token& stop) {
    auto taken = pipe_->Take(bytes, deadline, stop);
    if (taken && !*taken) ended_ = true;
    return taken;
  }
  Result<std::string> Body(std::size_t cap, SteadyDeadline deadline, const std::stop_token& stop) {
    std::string body;
    std::string bytes;
    for (;;) {
      STOKER_TRY(const bool more, Take(bytes, deadline, stop));
      if (!more) return body;
      if (body.size() + bytes.size() > cap) {
        return Error{Code::kExhausted,
                     fmt::format("the API server's answer is larger than {} bytes", cap)};
      }
      body += bytes;
    }
  }

 private:
  void Send(http_client& client, web::http::http_request& message, const std::string& peer) {
    client
        .request(message, cancel_.get_token())
        // The library's deduction wants the value.
        // NOLINTNEXTLINE(performance-unnecessary-value-param)
        .then([pipe = pipe_](web::http::http_response response) {
          pipe->PutHead(HeadOf(response));
          return response.content_ready();
        })
        .then([pipe = pipe_, peer](const pplx::task<web::http::http_response>& done) {
          pipe->Finish(Observe(done, peer));
        });
  }

  const std::shared_ptr<ResponsePipe> pipe_;
  pplx::cancellation_token_source cancel_;
  bool ended_ = false;  // the library has finished with it
};

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(CpprestOptions options, const web::uri& server, const TrustStore& store)
      : options_(std::move(options)),
        peer_(server.host() + (server.port() > 0 ? ":" + std::to_string(server.port()) : "")),
        calls_(server, ClientConfig(server, store, std::chrono::minutes(10))),
        streams_(server, ClientConfig(server, store, std::chrono::hours(24))),
        slots_(options_.max_exchanges) {}

  Result<HttpResponse> Do(const HttpRequest& request, std::stop_token stop) override {
    const auto deadline = std::chrono::steady_clock::now() + request.timeout;
    const Slots::Hold slot = slots_.Acquire(deadline, stop);
    if (!slot) {
      if (stop.stop_requested()) return Cancelled("the request was cancelled");
      return Timeout(fmt::format("{} requests to the API server {} are under way already",
                                 options_.max_exchanges, peer_));
    }
    return WithCredentials(deadline, [&](const std::string& authorization) {
      return CallOnce(request, authorization, deadline, stop);
    });
  }

  Result<HttpResponse> Stream(const HttpRequest& request,
                              const std::function<bool(std::string_view)>& on_line,
                              std::stop_token stop) override {
    const auto deadline = std::chrono::steady_clock::now() + request.timeout;
    return WithCredentials(deadline, [&](const std::string& authorization) {
      return StreamOnce(request, on_line, authorization, stop);
    });
  }

 private:
  http_client_config ClientConfig(const web::uri& server, const TrustStore& store,
                                  std::chrono::seconds step_timeout) const {
    http_client_config config;
    config.set_timeout(step_timeout);  // longer than any deadline of ours, which is what counts
    config.set_max_redirects(0);
    config.set_validate_certificates(!options_.insecure_skip_tls_verify);
    const std::string& name =
        options_.tls_server_name.empty() ? server.host() : options_.tls_server_name;
    in_addr ignored{};
    config.set_tlsext_sni_enabled(inet_pton(AF_INET, name.c_str(), &ignored) != 1);
    config.set_ssl_context_callback(
        [store, credentials = options_.credentials](boost::asio::ssl::context& context) {
          ConfigureTls(context, store, *credentials);
        });
    return config;
  }

  // A 401 may mean that a token has just been replaced: once more with a fresh one.
  Result<HttpResponse> WithCredentials(
      SteadyDeadline deadline,
      const std::function<Result<HttpResponse>(const std::string&)>& exchange) {
    for (bool repeated = false;; repeated = true) {
      const auto left =
          std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
      STOKER_TRY(const std::string authorization, options_.credentials->Authorization(left));
      auto response = exchange(authorization);
      if (!response || response->status != web::http::status_codes::Unauthorized || repeated ||
          !options_.credentials->Refresh(authorization)) {
        return response;
      }
    }
  }

  Result<HttpResponse> CallOnce(const HttpRequest& request, const std::string& authorization,
                                SteadyDeadline deadline, const std::stop_token& stop) {
    Exchange exchange;
    STOKER_CHECK(MaySend(request));
    STOKER_CHECK(exchange.Begin(calls_, request, authorization, options_.tls_server_name, peer_));
    STOKER_TRY(ResponseHead head, Named(exchange.WaitHead(deadline, stop), request.timeout));
    STOKER_TRY(std::string body,
               Named(exchange.Body(options_.max_body, deadline, stop), request.timeout));
    return HttpResponse{head.status, std::move(head.headers), std::move(body)};
  }

  Result<HttpResponse> StreamOnce(const HttpRequest& request,
                                  const std::function<bool(std::string_view)>& on_line,
                                  const std::string& authorization, const std::stop_token& stop) {
    const auto silence = [&] { return std::chrono::steady_clock::now() + request.timeout; };
    Exchange exchange;
    STOKER_CHECK(exchange.Begin(streams_, request, authorization, options_.tls_server_name, peer_));
    STOKER_TRY(ResponseHead head, Named(exchange.WaitHead(silence(), stop), request.timeout));
    HttpResponse response{head.status, std::move(head.headers), {}};
    if (head.status / 100 != 2) {
      STOKER_TRY(response.body,
                 Named(exchange.Body(kMaxErrorBody, silence(), stop), request.timeout));
      return response;
    }
    LineCutter cutter(options_.max_line);
    std::string bytes;
    for (;;) {
      STOKER_TRY(const bool more, Named(exchange.Take(bytes, silence(), stop), request.timeout));
      if (!more) return response;
      STOKER_TRY(const bool wanted, cutter.Feed(bytes, on_line));
      if (!wanted) return response;
    }
  }

  // A timeout of ours says how long we waited, and for whom.
  template <class T>
  Result<T> Named(Result<T> result, Millis timeout) const {
    if (!result && result.error().code == Code::kTimeout) {
      return Timeout(fmt::format("the API server {} did not answer within {}", peer_,
                                 FormatDuration(timeout)));
    }
    return result;
  }

  const CpprestOptions options_;
  const std::string peer_;
  http_client calls_;
  http_client streams_;
  Slots slots_;
};

}  // namespace

void InitializeTransportThreads() {
  static std::once_flag once;
  std::call_once(once, [] {
    // What ends the process runs backwards: OpenSSL, begun before the pool, outlives its threads,
    // which give back what OpenSSL keeps for each of them.
    // (Not OPENSSL_init_crypto(0): asked for no part of itself, it begins nothing.)
    OPENSSL_init_ssl(0, nullptr);
    try {
      crossplat::threadpool::initialize_with_threads(kHttpThreads);
    } catch (const std::exception&) {
      // Somebody used the library first; it works with the threads it has.
    }
  });
}

Result<std::shared_ptr<Transport>> MakeCpprestTransport(CpprestOptions options) {
  InitializeTransportThreads();
  try {
    const web::uri server(options.server);
    if (server.scheme() != "https" && server.scheme() != "http") {
      return Invalid("the server \"" + options.server + "\" must begin with https:// or http://");
    }
    if (server.host().empty()) return Invalid("the server \"" + options.server + "\" has no host");
    if (server.host().find_first_of(":[") != std::string::npos) {
      return Invalid("the server \"" + options.server +
                     "\" is an IPv6 address: use a DNS name that leads to it");
    }
    STOKER_TRY(TrustStore store, ParseAuthorities(options.ca_pem));
    return std::shared_ptr<Transport>(
        std::make_shared<CpprestTransport>(std::move(options), server, store));
  } catch (const std::exception&) {
    return Invalid("the server \"" + options.server + "\" is not a URL");
  }
}

}  // namespace stoker::kube
