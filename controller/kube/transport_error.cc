#include "controller/kube/transport_error.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace stoker::kube {
namespace {

constexpr int kTlsAlertBase = 1000;  // SSL_R_* of alerts that the peer sent

bool IsRefusedCertificate(int reason) {
  switch (reason - kTlsAlertBase) {
    case SSL3_AD_BAD_CERTIFICATE:
    case SSL3_AD_UNSUPPORTED_CERTIFICATE:
    case SSL3_AD_CERTIFICATE_REVOKED:
    case SSL3_AD_CERTIFICATE_EXPIRED:
    case SSL3_AD_CERTIFICATE_UNKNOWN:
    case TLS1_AD_UNKNOWN_CA:
    case TLS1_AD_ACCESS_DENIED:
    case TLS13_AD_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

Error ClassifyTls(std::string_view peer, long code) {
  const auto packed = static_cast<unsigned long>(code);
  const int reason = ERR_GET_REASON(packed);
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return {
        Code::kPermission,
        fmt::format(
            "the certificate of the API server {} is not trusted (unknown authority, other name, "
            "or expired): check the server and certificate-authority of the kubeconfig",
            peer)};
  }
  if (IsRefusedCertificate(reason)) {
    return {Code::kPermission,
            fmt::format("the API server {} refused our client certificate: check the "
                        "client-certificate of the kubeconfig",
                        peer)};
  }
  const char* text = ERR_reason_error_string(packed);
  return Unavailable(fmt::format("TLS with the API server {} failed: {}", peer,
                                 text == nullptr ? "unknown reason" : text));
}

}  // namespace

Error ClassifyTransportError(std::string_view peer, std::string_view what, long code) {
  if (code == ETIMEDOUT)
    return Timeout(fmt::format("the API server {} did not answer in time", peer));
  if (code == ECANCELED) return Cancelled("the request was cancelled");
  if (what.starts_with("Error resolving") || what.starts_with("Failed to resolve")) {
    return Unavailable(fmt::format("the name of the API server {} cannot be resolved", peer));
  }
  if (ERR_GET_LIB(static_cast<unsigned long>(code)) == ERR_LIB_SSL && code > 0xffff) {
    return ClassifyTls(peer, code);
  }
  if (code == ECONNREFUSED ||
      (code == EHOSTUNREACH && what.find("connect") != std::string_view::npos)) {
    // The library reports a refusal as "host unreachable".
    return Unavailable(
        fmt::format("the API server {} refused the connection, or no route leads to it", peer));
  }
  if (what.find("SSL handshake") != std::string_view::npos) {
    return Unavailable(fmt::format("the API server {} ended the TLS handshake", peer));
  }
  if (code == ECONNRESET || code == EPIPE || code == ECONNABORTED) {
    return Unavailable(fmt::format("the API server {} reset the connection", peer));
  }
  return Unavailable(fmt::format("the connection to the API server {} broke", peer));
}

}  // namespace stoker::kube
