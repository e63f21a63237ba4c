#include "controller/warming/net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <utility>

namespace stoker::warming {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using CertPtr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

BioPtr Memory(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
}

// Never asks a terminal for the passphrase of an encrypted key.
int NoPassphrase(char*, int, int, void*) { return 0; }

// Reads every certificate of a bundle; false when there is none, or one does not parse.
template <class Use>
bool ForEachCertificate(const std::string& pem, Use use) {
  const BioPtr bio = Memory(pem);
  int count = 0;
  for (;;) {
    const CertPtr cert(PEM_read_bio_X509(bio.get(), nullptr, &NoPassphrase, nullptr), &X509_free);
    if (!cert) {
      const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      return at_end && count > 0;
    }
    if (!use(cert.get(), count++)) return false;
  }
}

Status UseTrust(SSL_CTX* ctx, const std::string& ca_pem) {
  if (ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(ctx);
    return {};
  }
  X509_STORE* store = SSL_CTX_get_cert_store(ctx);
  const bool parsed = ForEachCertificate(
      ca_pem, [store](X509* cert, int) { return X509_STORE_add_cert(store, cert) == 1; });
  if (!parsed) return Invalid("CA certificate does not parse: give PEM certificates");
  return {};
}

Status UseIdentity(SSL_CTX* ctx, const TlsOptions& options) {
  if (options.cert_pem.empty() && options.key_pem.empty()) return {};
  if (options.cert_pem.empty()) return Invalid("private key given without a certificate");
  if (options.key_pem.empty()) return Invalid("certificate given without its private key");
  const bool parsed = ForEachCertificate(options.cert_pem, [ctx](X509* cert, int index) {
    return (index == 0 ? SSL_CTX_use_certificate(ctx, cert) : SSL_CTX_add1_chain_cert(ctx, cert)) ==
           1;
  });
  if (!parsed) return Invalid("certificate does not parse: give PEM, the leaf first");
  const BioPtr bio = Memory(options.key_pem);
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, nullptr),
                   &EVP_PKEY_free);
  if (!key) return Invalid("private key does not parse: give an unencrypted PEM key");
  if (SSL_CTX_use_PrivateKey(ctx, key.get()) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
    return Invalid("private key does not match the certificate");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::Make(const TlsOptions& options) {
  std::shared_ptr<TlsContext> context(new TlsContext());
  SSL_CTX* ctx = SSL_CTX_new(TLS_client_method());
  if (ctx == nullptr) return Internal("OpenSSL could not make a TLS context");
  context->ctx_ = ctx;
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(ctx, options.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  Status status = UseTrust(ctx, options.ca_pem);
  if (status) status = UseIdentity(ctx, options);
  ERR_clear_error();
  if (!status) return std::move(status.error());
  context->options_ = options;
  context->options_.key_pem.clear();
  return std::shared_ptr<const TlsContext>(std::move(context));
}

TlsContext::~TlsContext() { SSL_CTX_free(static_cast<SSL_CTX*>(ctx_)); }

}  // namespace stoker::warming
