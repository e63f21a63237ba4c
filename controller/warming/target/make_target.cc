#include "controller/warming/target/make_target.h"

#include <fmt/format.h>

#include <utility>

#include "controller/warming/materials/materials.h"
#include "controller/warming/materials/secrets.h"
#include "controller/warming/target/memcached_target.h"
#include "controller/warming/target/memory_target.h"
#include "controller/warming/target/redis_target.h"
#include "controller/warming/target/sql_target.h"
#include "controller/warming/target/through_target.h"

namespace stoker::warming {
namespace {

using EgressPtr = std::shared_ptr<const EgressGuard>;

Status AddCredentials(const std::string& secret, const Materials& materials,
                      RedisOptions& options) {
  auto data = materials.Secret(secret);
  if (!data) return Annotate("credentialsSecretRef", data.error());
  if (!data->contains("password")) {
    return NotFound(
        fmt::format("credentialsSecretRef: Secret \"{}\" has no key \"password\"", secret));
  }
  options.password = WithoutLineEnd((*data)["password"]);
  if (data->contains("username")) options.username = WithoutLineEnd((*data)["username"]);
  return {};
}

Result<TargetFactory> RedisFactory(const api::RedisTarget& redis, const Materials& materials,
                                   EgressPtr guard) {
  auto options = ToRedisOptions(redis, materials);
  if (!options) return Nest("redis", options.error());
  return TargetFactory([guard = std::move(guard), options = std::move(*options), mode = redis.mode,
                        master = redis.master_name](asio::io_context& loop) {
    if (mode == api::RedisTarget::Mode::kCluster) {
      return MakeRedisClusterTarget(loop, guard, options);
    }
    if (mode == api::RedisTarget::Mode::kSentinel) {
      return MakeRedisSentinelTarget(loop, guard, options, master);
    }
    return MakeRedisTarget(loop, guard, options);
  });
}

Result<TargetFactory> MemcachedFactory(const api::MemcachedTarget& memcached, EgressPtr guard) {
  MemcachedOptions options;
  for (std::size_t i = 0; i < memcached.addresses.size(); ++i) {
    const std::string& address = memcached.addresses[i];
    auto endpoint = ParseHostPort(address);
    if (!endpoint) return Nest(fmt::format("memcached.addresses[{}]", i), endpoint.error());
    options.servers.push_back({address, std::move(*endpoint)});
  }
  return TargetFactory(
      [guard = std::move(guard), options = std::move(options)](asio::io_context& loop) {
        return MakeMemcachedTarget(loop, guard, options);
      });
}

Result<TargetFactory> SqlFactory(const api::SqlTarget& sql, const Materials& materials,
                                 EgressPtr guard) {
  auto options = ToPostgresOptions(sql.connection_secret_ref, sql.ca_secret_ref, materials);
  if (!options) return Nest("sql", options.error());
  return TargetFactory(
      [guard = std::move(guard), sql, options = std::move(*options)](asio::io_context& loop) {
        return MakeSqlTarget(loop, guard, sql, options);
      });
}

}  // namespace

Result<RedisOptions> ToRedisOptions(const api::RedisTarget& redis, const Materials& materials) {
  RedisOptions options;
  STOKER_TRY(options.endpoint, ParseHostPort(redis.address));
  options.database = redis.database;
  if (redis.credentials_secret_ref) {
    STOKER_CHECK(AddCredentials(*redis.credentials_secret_ref, materials, options));
  }
  STOKER_TRY(options.endpoint.tls, MakeTls(redis.tls, materials));
  return options;
}

Result<TargetFactory> MakeTargetFactory(const api::Target& target, const Materials& materials,
                                        EgressPtr guard) {
  if (target.in_memory) {
    return TargetFactory([store = std::make_shared<MemoryStore>()](asio::io_context& loop) {
      return MakeMemoryTarget(loop, store);
    });
  }
  if (target.http) return TargetFactory([](asio::io_context&) { return MakeThroughTarget(); });
  if (target.memcached) return MemcachedFactory(*target.memcached, std::move(guard));
  if (target.redis) return RedisFactory(*target.redis, materials, std::move(guard));
  if (target.sql) return SqlFactory(*target.sql, materials, std::move(guard));
  return Invalid("must have one of redis, memcached, sql and http");
}

}  // namespace stoker::warming
