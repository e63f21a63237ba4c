#include "controller/reconcile/references.h"

#include <fmt/format.h>

#include <set>

#include "controller/base/hash.h"
#include "controller/reconcile/json_view.h"

namespace stoker::reconcile {
namespace {

void AddTls(const api::TlsConfig& tls, const std::string& field, std::vector<Reference>& out) {
  const auto add = [&](const std::optional<api::KeyRef>& ref, const char* name) {
    if (ref) out.push_back({field + "." + name, ref->name, ref->key, true});
  };
  add(tls.ca_secret_ref, "caSecretRef");
  add(tls.cert_secret_ref, "certSecretRef");
  add(tls.key_secret_ref, "keySecretRef");
}

void AddRedis(const api::RedisTarget& redis, const std::string& field,
              std::vector<Reference>& out) {
  if (const auto& secret = redis.credentials_secret_ref) {
    out.push_back({field + ".credentialsSecretRef", *secret, "password", true});
  }
  if (redis.tls) AddTls(*redis.tls, field + ".tls", out);
}

void AddSql(const api::KeyRef& connection, const std::optional<api::KeyRef>& ca,
            const std::string& field, std::vector<Reference>& out) {
  out.push_back({field + ".connectionSecretRef", connection.name, connection.key, true});
  if (ca) out.push_back({field + ".caSecretRef", ca->name, ca->key, true});
}

void AddAuth(const api::HttpAuth& auth, const std::string& field, std::vector<Reference>& out) {
  if (const auto& bearer = auth.bearer_secret_ref) {
    out.push_back({field + ".bearerSecretRef", bearer->name, bearer->key, true});
  }
  if (const auto& basic = auth.basic_secret_ref) {
    for (const char* key : {"username", "password"}) {
      out.push_back({field + ".basicSecretRef", *basic, key, true});
    }
  }
  if (!auth.oauth2) return;
  for (const char* key : {"clientID", "clientSecret"}) {
    out.push_back({field + ".oauth2.clientSecretRef", auth.oauth2->client_secret_ref, key, true});
  }
  if (const auto& ca = auth.oauth2->ca_secret_ref) {
    out.push_back({field + ".oauth2.caSecretRef", ca->name, ca->key, true});
  }
}

std::vector<std::string> Names(const api::WarmingPolicySpec& spec, bool secret) {
  std::set<std::string> names;
  for (const Reference& reference : References(spec)) {
    if (reference.secret == secret) names.insert(reference.name);
  }
  return {names.begin(), names.end()};
}

const char* KindOf(const Reference& reference) { return reference.secret ? "Secret" : "ConfigMap"; }

const char* NotFoundReason(const Reference& reference) {
  return reference.secret ? kSecretNotFound : kConfigMapNotFound;
}

Problem Missing(const Reference& reference, const std::string& ns) {
  return {
      NotFoundReason(reference),
      fmt::format("{}: {} \"{}\" does not exist in namespace {}; create it, or correct the name",
                  reference.field, KindOf(reference), reference.name, ns)};
}

Problem MissingKey(const Reference& reference) {
  return {NotFoundReason(reference),
          fmt::format("{}: {} \"{}\" has no key \"{}\"; add the key, or correct it here",
                      reference.field, KindOf(reference), reference.name, reference.key)};
}

Problem Forbidden(const Reference& reference, const std::string& ns, const std::string& said) {
  return {
      reference.secret ? kSecretForbidden : kConfigMapForbidden,
      fmt::format("{}: the controller may not read {} \"{}\" in namespace {}; give its Role the "
                  "verb get on {}s ({})",
                  reference.field, KindOf(reference), reference.name, ns,
                  reference.secret ? "secret" : "configmap", said)};
}

}  // namespace

std::vector<Reference> References(const api::WarmingPolicySpec& spec) {
  std::vector<Reference> out;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    const auto& source = spec.sources[i];
    if (source.static_ && source.static_->config_map_ref) {
      const api::KeyRef& ref = *source.static_->config_map_ref;
      out.push_back(
          {fmt::format("spec.sources[{}].static.configMapRef", i), ref.name, ref.key, false});
    }
    if (source.access_log && source.access_log->config_map_ref) {
      const api::KeyRef& ref = *source.access_log->config_map_ref;
      out.push_back(
          {fmt::format("spec.sources[{}].accessLog.configMapRef", i), ref.name, ref.key, false});
    }
    if (source.redis) {
      AddRedis(source.redis->server, fmt::format("spec.sources[{}].redis", i), out);
    }
    if (source.sql) {
      AddSql(source.sql->connection_secret_ref, source.sql->ca_secret_ref,
             fmt::format("spec.sources[{}].sql", i), out);
    }
  }
  for (std::size_t i = 0; i < spec.origins.size(); ++i) {
    if (const auto& sql = spec.origins[i].sql) {
      AddSql(sql->connection_secret_ref, sql->ca_secret_ref, fmt::format("spec.origins[{}].sql", i),
             out);
    }
    if (const auto& redis = spec.origins[i].redis) {
      AddRedis(redis->server, fmt::format("spec.origins[{}].redis", i), out);
    }
    if (!spec.origins[i].http) continue;
    const api::HttpOrigin& http = *spec.origins[i].http;
    const std::string field = fmt::format("spec.origins[{}].http", i);
    if (http.headers_secret_ref) {
      out.push_back({field + ".headersSecretRef", *http.headers_secret_ref, "", true});
    }
    if (http.auth) AddAuth(*http.auth, field + ".auth", out);
    if (http.tls) AddTls(*http.tls, field + ".tls", out);
  }
  for (std::size_t i = 0; i < spec.targets.size(); ++i) {
    if (const auto& sql = spec.targets[i].sql) {
      AddSql(sql->connection_secret_ref, sql->ca_secret_ref, fmt::format("spec.targets[{}].sql", i),
             out);
    }
    if (const auto& http = spec.targets[i].http; http && http->tls) {
      AddTls(*http->tls, fmt::format("spec.targets[{}].http.tls", i), out);
    }
    if (!spec.targets[i].redis) continue;
    AddRedis(*spec.targets[i].redis, fmt::format("spec.targets[{}].redis", i), out);
  }
  return out;
}

std::vector<std::string> SecretNames(const api::WarmingPolicySpec& spec) {
  return Names(spec, true);
}
std::vector<std::string> ConfigMapNames(const api::WarmingPolicySpec& spec) {
  return Names(spec, false);
}

Result<ResolveOutcome> ResolveReferences(const std::vector<Reference>& references,
                                         const std::string& ns, const ContentsReader& secret,
                                         const ContentsReader& config_map) {
  ResolveOutcome outcome;
  std::set<std::pair<bool, std::string>> absent;
  std::map<std::pair<bool, std::string>, std::string> forbidden;  // and what the server said
  for (const Reference& reference : references) {
    auto& known = reference.secret ? outcome.resolved.secrets : outcome.resolved.config_maps;
    const std::pair<bool, std::string> id{reference.secret, reference.name};
    if (!known.contains(reference.name) && !absent.contains(id) && !forbidden.contains(id)) {
      Result<Contents> contents = (reference.secret ? secret : config_map)(reference.name);
      if (contents) {
        known.emplace(reference.name, std::move(*contents));
      } else if (contents.error().code == Code::kNotFound) {
        absent.insert(id);
      } else if (contents.error().code == Code::kPermission) {
        forbidden.emplace(id, std::move(contents.error().message));
      } else {
        return Annotate(reference.field, std::move(contents.error()));
      }
    }
    if (const auto it = forbidden.find(id); it != forbidden.end()) {
      outcome.problems.push_back(Forbidden(reference, ns, it->second));
    } else if (absent.contains(id)) {
      outcome.problems.push_back(Missing(reference, ns));
    } else if (!reference.key.empty() && !known.at(reference.name).contains(reference.key)) {
      outcome.problems.push_back(MissingKey(reference));
    }
  }
  return outcome;
}

Contents DecodeContents(const nlohmann::json& object, bool secret) {
  Contents contents;
  const auto add = [&](const char* member, bool base64) {
    const nlohmann::json* data = Find(object, {member});
    if (data == nullptr || !data->is_object()) return;
    for (const auto& [key, value] : data->items()) {
      if (!value.is_string()) continue;
      std::string bytes = value.get<std::string>();
      if (base64 && !Base64Decode(value.get<std::string>(), bytes)) continue;
      contents[key] = std::move(bytes);
    }
  };
  add("data", secret);
  if (!secret) add("binaryData", true);
  return contents;
}

}  // namespace stoker::reconcile
