#include "controller/warming/materials/secrets.h"

#include <fmt/format.h>

#include <utility>

#include "controller/warming/materials/materials.h"

namespace stoker::warming {

Result<std::string> SecretKey(const Materials& materials, const api::KeyRef& ref) {
  STOKER_TRY(auto data, materials.Secret(ref.name));
  const auto value = data.find(ref.key);
  if (value == data.end())
    return NotFound(fmt::format("Secret \"{}\" has no key \"{}\"", ref.name, ref.key));
  return value->second;
}

std::string WithoutLineEnd(std::string value) {
  while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
  return value;
}

Result<PostgresOptions> ToPostgresOptions(const api::KeyRef& connection_secret_ref,
                                          const std::optional<api::KeyRef>& ca_secret_ref,
                                          const Materials& materials) {
  auto text = SecretKey(materials, connection_secret_ref);
  if (!text) return Annotate("connectionSecretRef", text.error());
  auto options = ParseConnectionString(WithoutLineEnd(std::move(*text)));
  if (!options) {
    return Annotate(fmt::format("connectionSecretRef: the key \"{}\" of Secret \"{}\"",
                                connection_secret_ref.key, connection_secret_ref.name),
                    options.error());
  }
  if (ca_secret_ref) {
    if (!options->ssl_mode.starts_with("verify-")) {
      return Invalid(
          "caSecretRef: goes with sslmode=verify-full or verify-ca in the connection string, "
          "without which nothing is verified");
    }
    auto pem = SecretKey(materials, *ca_secret_ref);
    if (!pem) return Annotate("caSecretRef", pem.error());
    options->ca_pem = std::move(*pem);
  }
  return options;
}

Result<std::shared_ptr<const TlsContext>> MakeTls(const std::optional<api::TlsConfig>& config,
                                                  const Materials& materials) {
  if (!config) return std::shared_ptr<const TlsContext>();
  TlsOptions options;
  options.server_name = config->server_name;
  options.insecure_skip_verify = config->insecure_skip_verify;
  const std::tuple<const char*, const std::optional<api::KeyRef>&, std::string&> parts[] = {
      {"tls.caSecretRef", config->ca_secret_ref, options.ca_pem},
      {"tls.certSecretRef", config->cert_secret_ref, options.cert_pem},
      {"tls.keySecretRef", config->key_secret_ref, options.key_pem}};
  for (const auto& [field, ref, pem] : parts) {
    if (!ref) continue;
    auto value = SecretKey(materials, *ref);
    if (!value) return Annotate(field, value.error());
    pem = std::move(*value);
  }
  auto context = TlsContext::Make(options);
  if (!context) return Annotate("tls", context.error());
  return context;
}

}  // namespace stoker::warming
