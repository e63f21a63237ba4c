#pragma once

// What a TLS client needs to trust and to show, parsed once and shared by the loops.
//
// Thread safety: const after Make (OpenSSL's SSL_CTX may be shared).

#include <memory>
#include <string>

#include "controller/base/result.h"

namespace stoker::warming {

struct TlsOptions {
  std::string ca_pem;  // empty: the system's
  std::string cert_pem, key_pem;
  std::string server_name;  // SNI and the verified name; empty: the host dialled
  bool insecure_skip_verify = false;
};

class TlsContext {
 public:
  // kInvalid: "certificate does not parse", "private key does not match the certificate".
  static Result<std::shared_ptr<const TlsContext>> Make(const TlsOptions& options);
  ~TlsContext();
  [[nodiscard]] void* native() const { return ctx_; }  // SSL_CTX*
  [[nodiscard]] const TlsOptions& options() const { return options_; }

 private:
  TlsContext() = default;
  TlsOptions options_;  // key_pem cleared after parsing
  void* ctx_ = nullptr;
};

}  // namespace stoker::warming
