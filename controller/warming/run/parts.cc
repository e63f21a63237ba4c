#include "controller/warming/run/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "controller/warming/source/http_source.h"
#include "controller/warming/target/memory_target.h"
#include "controller/warming/target/redis_target.h"

namespace stoker::warming {
namespace {

using Guard = std::shared_ptr<const EgressGuard>;

Result<std::string> SecretKey(const Materials& materials, const api::KeyRef& ref) {
  STOKER_TRY(auto data, materials.Secret(ref.name));
  const auto value = data.find(ref.key);
  if (value == data.end())
    return NotFound(fmt::format("Secret \"{}\" has no key \"{}\"", ref.name, ref.key));
  return value->second;
}

// Secrets made from files end in a line break that nobody meant.
std::string WithoutLineEnd(std::string value) {
  while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
  return value;
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

bool IsHeaderName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

Status AddSecretHeaders(const std::string& secret, const Materials& materials,
                        HttpClientOptions& options) {
  STOKER_TRY(auto data, materials.Secret(secret));
  for (auto& [name, raw] : data) {
    std::string value = WithoutLineEnd(std::move(raw));
    if (!IsHeaderName(name))
      return Invalid(fmt::format("Secret \"{}\": \"{}\" is no header name", secret, name));
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Invalid(
          fmt::format("Secret \"{}\": the value of \"{}\" holds a line break, which no header may",
                      secret, name));
    }
    options.headers.emplace_back(name, std::move(value));
  }
  return {};
}

Result<HttpClientOptions> OriginOptions(const api::HttpOrigin& origin, int in_flight,
                                        const Materials& materials) {
  HttpClientOptions options;
  options.max_idle = std::max(options.max_idle, in_flight);
  for (const auto& header : origin.headers) options.headers.emplace_back(header.name, header.value);
  if (origin.headers_secret_ref) {
    const Status added = AddSecretHeaders(*origin.headers_secret_ref, materials, options);
    if (!added) return Annotate("headersSecretRef", added.error());
  }
  options.max_body_bytes = static_cast<std::size_t>(origin.max_body_bytes);
  STOKER_TRY(options.tls, MakeTls(origin.tls, materials));
  return options;
}

Result<RedisOptions> TargetOptions(const api::RedisTarget& redis, const Materials& materials) {
  RedisOptions options;
  auto endpoint = ParseHostPort(redis.address);
  if (!endpoint) return Annotate("address", endpoint.error());
  options.endpoint = std::move(*endpoint);
  options.database = redis.database;
  if (redis.credentials_secret_ref) {
    auto data = materials.Secret(*redis.credentials_secret_ref);
    if (!data) return Annotate("credentialsSecretRef", data.error());
    if (!data->contains("password")) {
      return NotFound(fmt::format("credentialsSecretRef: Secret \"{}\" has no key \"password\"",
                                  *redis.credentials_secret_ref));
    }
    options.password = WithoutLineEnd((*data)["password"]);
    if (data->contains("username")) options.username = WithoutLineEnd((*data)["username"]);
  }
  STOKER_TRY(options.endpoint.tls, MakeTls(redis.tls, materials));
  return options;
}

// Lists and sitemaps: no headers of the origin go there.
class HttpDocuments final : public DocumentClient {
 public:
  HttpDocuments(asio::io_context& loop, const Guard& guard) : client_(loop, guard, Options()) {}
  asio::awaitable<FetchResult> Get(const std::string& url, SteadyTime deadline,
                                   const std::function<asio::awaitable<Status>()>& before_redirect,
                                   BodySink sink) override {
    return client_.FetchStreaming(url, deadline, before_redirect, std::move(sink));
  }
  void Cancel() override { client_.Cancel(); }

 private:
  static HttpClientOptions Options() {
    HttpClientOptions options;
    options.max_body_bytes = kMaxListBytes;
    return options;
  }
  HttpClient client_;
};

}  // namespace

Result<RunParts> MakeRunParts(const RunSpec& spec, const Materials& materials,
                              const RunOptions& options) {
  const auto& policy = spec.policy;
  STOKER_TRY(auto rules, EgressGuard::Make(options.egress.guarded, options.egress.denied,
                                           options.egress.allowed));
  const Guard guard = std::make_shared<const EgressGuard>(std::move(rules));

  RunParts parts;
  auto origin = OriginOptions(policy.origins.front().http,
                              static_cast<int>(policy.pacing.max_in_flight), materials);
  if (!origin) return Nest("spec.origins[0].http", origin.error());
  parts.origin = [guard, http = std::move(*origin)](asio::io_context& loop) {
    return std::make_unique<HttpClient>(loop, guard, http);
  };
  parts.documents = [guard](asio::io_context& loop) {
    return std::make_unique<HttpDocuments>(loop, guard);
  };
  for (std::size_t i = 0; i < policy.targets.size(); ++i) {
    const api::Target& target = policy.targets[i];
    if (target.in_memory) {
      parts.targets.emplace_back([store = std::make_shared<MemoryStore>()](asio::io_context& loop) {
        return MakeMemoryTarget(loop, store);
      });
      continue;
    }
    auto redis = TargetOptions(target.redis, materials);
    if (!redis) return Nest(fmt::format("spec.targets[{}].redis", i), redis.error());
    parts.targets.emplace_back([guard, redis = std::move(*redis)](asio::io_context& loop) {
      return MakeRedisTarget(loop, guard, redis);
    });
  }
  return parts;
}

}  // namespace stoker::warming
