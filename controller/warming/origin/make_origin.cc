#include "controller/warming/origin/make_origin.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <utility>

#include "controller/base/hash.h"
#include "controller/warming/materials/secrets.h"
#include "controller/warming/origin/http_origin.h"
#include "controller/warming/origin/redis_origin.h"
#include "controller/warming/origin/sql_origin.h"
#include "controller/warming/target/make_target.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kMaxTokenAnswer = 64 << 10;

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

// What becomes a header: a line break in it would begin another.
Result<std::string> SecretText(const Materials& materials, const std::string& secret,
                               const std::string& key) {
  STOKER_TRY(std::string value, SecretKey(materials, {secret, key}));
  value = WithoutLineEnd(std::move(value));
  const bool plain = std::none_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (value.empty() || !plain) {
    return Invalid(fmt::format("Secret \"{}\": the value of \"{}\" is empty, or holds a line break",
                               secret, key));
  }
  return value;
}

bool HasAuthorization(const HttpClientOptions& options) {
  return std::any_of(options.headers.begin(), options.headers.end(), [](const auto& header) {
    return strcasecmp(header.first.c_str(), "authorization") == 0;
  });
}

Result<std::string> AuthorizationOf(const api::HttpAuth& auth, const Materials& materials) {
  if (auth.bearer_secret_ref) {
    const auto token =
        SecretText(materials, auth.bearer_secret_ref->name, auth.bearer_secret_ref->key);
    if (!token) return Annotate("bearerSecretRef", token.error());
    return "Bearer " + *token;
  }
  const auto user = SecretText(materials, *auth.basic_secret_ref, "username");
  if (!user) return Annotate("basicSecretRef", user.error());
  const auto password = SecretText(materials, *auth.basic_secret_ref, "password");
  if (!password) return Annotate("basicSecretRef", password.error());
  return "Basic " + Base64Encode(*user + ":" + *password);
}

Status AddTokens(const api::OAuth2& oauth2, const Materials& materials,
                 HttpOriginOptions& options) {
  OAuthOptions tokens;
  tokens.token_url = oauth2.token_url;
  tokens.scopes = oauth2.scopes;
  if (const auto url = ParseUrl(oauth2.token_url); !url) return Annotate("tokenURL", url.error());
  const auto id = SecretText(materials, oauth2.client_secret_ref, "clientID");
  if (!id) return Annotate("clientSecretRef", id.error());
  const auto secret = SecretText(materials, oauth2.client_secret_ref, "clientSecret");
  if (!secret) return Annotate("clientSecretRef", secret.error());
  tokens.client_id = *id;
  tokens.client_secret = *secret;
  if (oauth2.ca_secret_ref) {
    const auto pem = SecretKey(materials, *oauth2.ca_secret_ref);
    if (!pem) return Annotate("caSecretRef", pem.error());
    TlsOptions tls;
    tls.ca_pem = *pem;
    auto context = TlsContext::Make(tls);
    if (!context) return Annotate("caSecretRef", context.error());
    options.token_client.tls = std::move(*context);
  }
  options.token_client.max_body_bytes = kMaxTokenAnswer;
  options.token_client.follow_redirects = false;
  options.tokens = std::make_shared<OAuthTokens>(std::move(tokens));
  return {};
}

Status AddAuth(const api::HttpAuth& auth, const Materials& materials, HttpOriginOptions& options) {
  if (HasAuthorization(options.client)) {
    return Invalid("headersSecretRef holds an Authorization header already; remove one of them");
  }
  if (auth.oauth2) {
    if (Status added = AddTokens(*auth.oauth2, materials, options); !added) {
      return Nest("oauth2", added.error());
    }
    return {};
  }
  STOKER_TRY(std::string value, AuthorizationOf(auth, materials));
  options.client.headers.emplace_back("Authorization", std::move(value));
  return {};
}

Result<HttpOriginOptions> HttpOptions(const api::HttpOrigin& origin, Template url,
                                      const OriginSurroundings& surroundings) {
  HttpOriginOptions options;
  options.url = std::move(url);
  options.timeout = origin.timeout;
  HttpClientOptions& client = options.client;
  client.max_idle = std::max(client.max_idle, surroundings.in_flight);
  for (const auto& header : origin.headers) client.headers.emplace_back(header.name, header.value);
  if (origin.headers_secret_ref) {
    const Status added =
        AddSecretHeaders(*origin.headers_secret_ref, surroundings.materials, client);
    if (!added) return Annotate("headersSecretRef", added.error());
  }
  if (origin.auth) {
    const Status added = AddAuth(*origin.auth, surroundings.materials, options);
    if (!added) return Nest("auth", added.error());
  }
  client.max_body_bytes = static_cast<std::size_t>(origin.max_body_bytes);
  client.budget = surroundings.budget;
  STOKER_TRY(client.tls, MakeTls(origin.tls, surroundings.materials));
  return options;
}

Result<OriginFactory> SqlFactory(const api::SqlOrigin& sql, Template key,
                                 const OriginSurroundings& surroundings) {
  auto connection =
      ToPostgresOptions(sql.connection_secret_ref, sql.ca_secret_ref, surroundings.materials);
  if (!connection) return Nest("sql", connection.error());
  SqlOriginOptions options;
  options.connection = std::move(*connection);
  options.query = sql.query;
  options.key_column = sql.key_column;
  options.value_column = sql.value_column;
  options.statement_timeout = sql.statement_timeout;
  options.max_value = static_cast<std::size_t>(sql.max_value_bytes);
  options.most_keys = surroundings.batch_size;
  return OriginFactory([guard = surroundings.guard, budget = surroundings.budget,
                        key = std::move(key),
                        options = std::move(options)](asio::io_context& loop) {
    return std::make_unique<BatchedOrigin>(loop, key, MakeSqlAsker(loop, guard, options, budget));
  });
}

Result<OriginFactory> RedisFactory(const api::RedisOrigin& redis, Template key,
                                   const OriginSurroundings& surroundings) {
  auto options = ToRedisOptions(redis.server, surroundings.materials);
  if (!options) return Nest("redis", options.error());
  return OriginFactory(
      [guard = surroundings.guard, options = std::move(*options), server = redis.server,
       budget = surroundings.budget, key = std::move(key), timeout = redis.timeout,
       max_value = static_cast<std::size_t>(redis.max_value_bytes)](asio::io_context& loop) {
        return std::make_unique<BatchedOrigin>(
            loop, key,
            MakeRedisAsker(loop, MakeRedisReader(loop, guard, options, server), server.address,
                           timeout, max_value, budget));
      });
}

// A header of a variant takes the place of the one that all have.
void SetHeader(const api::Header& header, HttpClientOptions& options) {
  std::erase_if(options.headers, [&](const auto& other) {
    return strcasecmp(other.first.c_str(), header.name.c_str()) == 0;
  });
  options.headers.emplace_back(header.name, header.value);
}

}  // namespace

Result<ThroughCacheOptions> ToThroughCache(const api::HttpCacheTarget& cache, Template url,
                                           const Materials& materials, int in_flight) {
  // Up to the path it has no variables, or only one that begins with a slash.
  const std::size_t scheme = cache.url.find("://") + 3;
  const std::string authority =
      cache.url.substr(scheme, cache.url.find_first_of("/?#{", scheme) - scheme);
  STOKER_TRY(const Url parsed, ParseUrl(cache.url.substr(0, scheme) + authority));
  ThroughCacheOptions options;
  options.url = std::move(url);
  options.all_endpoints = cache.all_endpoints;
  options.host = parsed.host;
  options.status = CacheStatusReader(cache.status_header);
  options.timeout = cache.timeout;
  HttpClientOptions client;
  client.max_idle = std::max(client.max_idle, in_flight);
  client.follow_redirects = false;
  client.discard_bodies = true;
  client.keep_headers = options.status.headers();
  if (cache.all_endpoints) client.headers.emplace_back("Host", authority);
  std::optional<api::TlsConfig> tls = cache.tls;
  if (parsed.https && cache.all_endpoints) {  // an address is dialled, and the name is verified
    if (!tls) tls.emplace();
    if (tls->server_name.empty()) tls->server_name = parsed.host;
  }
  STOKER_TRY(client.tls, MakeTls(tls, materials));
  for (const api::Header& header : cache.headers) SetHeader(header, client);
  for (const api::CacheVariant& variant : cache.variants) {
    HttpClientOptions& own = options.variants.emplace_back(client);
    for (const api::Header& header : variant.headers) SetHeader(header, own);
  }
  if (options.variants.empty()) options.variants.push_back(client);
  return options;
}

Result<OriginFactory> MakeOriginFactory(const api::Origin& origin, Template address,
                                        const OriginSurroundings& surroundings) {
  if (origin.sql) return SqlFactory(*origin.sql, std::move(address), surroundings);
  if (origin.redis) return RedisFactory(*origin.redis, std::move(address), surroundings);
  if (!origin.http) return Invalid("must have one of http, sql and redis");
  auto options = HttpOptions(*origin.http, std::move(address), surroundings);
  if (!options) return Nest("http", options.error());
  return OriginFactory(
      [guard = surroundings.guard, options = std::move(*options)](asio::io_context& loop) {
        return std::make_unique<HttpOrigin>(loop, guard, options);
      });
}

}  // namespace stoker::warming
