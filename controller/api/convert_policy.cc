#include <re2/re2.h>

#include <utility>

#include "controller/api/convert.h"
#include "controller/api/manifest.h"
#include "controller/api/quantity.h"

namespace stoker::api {
namespace {

using nlohmann::json;

// A quantity of bytes into `to`, which stays as it is where the member is absent.
Status ReadBytes(const json& from, const char* name, std::int64_t& to) {
  const json* size = Find(from, name);
  if (size == nullptr) return {};
  Result<std::int64_t> bytes =
      ParseBytes(size->is_string() ? size->get<std::string>() : size->dump());
  if (!bytes) return Annotate(name, bytes.error());
  to = *bytes;
  return {};
}

StaticSource ToStatic(const json& from) {
  return {Get<std::vector<std::string>>(from, "keys", {}), GetKeyRef(from, "configMapRef")};
}

PatternSource ToPattern(const json& from) {
  PatternSource pattern;
  pattern.template_ = from.at("template").get<std::string>();
  for (const json& item : from.at("variables")) {
    PatternVariable variable;
    variable.name = item.at("name").get<std::string>();
    variable.values = Get<std::vector<std::string>>(item, "values", {});
    variable.from = GetOptional<std::int64_t>(item, "from");
    variable.to = GetOptional<std::int64_t>(item, "to");
    pattern.variables.push_back(std::move(variable));
  }
  pattern.value = GetString(from, "value");
  return pattern;
}

HttpSource ToHttpSource(const json& from) {
  HttpSource http;
  http.url = from.at("url").get<std::string>();
  const std::string format = GetString(from, "format");
  if (format == "Sitemap") http.format = HttpSource::Format::kSitemap;
  if (format == "JSON") http.format = HttpSource::Format::kJson;
  http.key_template = Get(from, "keyTemplate", http.key_template);
  http.json_pointer = GetString(from, "jsonPointer");
  http.score_pointer = GetString(from, "scorePointer");
  http.ttl_pointer = GetString(from, "ttlPointer");
  http.value_pointer = GetString(from, "valuePointer");
  if (const json* fields = Find(from, "fields")) {
    for (const json& field : *fields) {
      http.fields.push_back(
          {field.at("name").get<std::string>(), field.at("pointer").get<std::string>()});
    }
  }
  if (const json* paging = Find(from, "paging")) {
    const bool link = GetString(*paging, "type") == "Link";
    http.paging.type = link ? HttpPaging::Type::kLink : HttpPaging::Type::kCursor;
    http.paging.cursor_pointer = GetString(*paging, "cursorPointer");
    http.paging.cursor_parameter = GetString(*paging, "cursorParameter");
    http.paging.max_pages = Get(*paging, "maxPages", http.paging.max_pages);
  }
  return http;
}

Result<SqlSource> ToSql(const json& from) {
  SqlSource sql;
  sql.connection_secret_ref = GetKeyRef(from, "connectionSecretRef").value_or(KeyRef{});
  sql.query = from.at("query").get<std::string>();
  sql.key_template = from.at("keyTemplate").get<std::string>();
  sql.value_column = GetString(from, "valueColumn");
  sql.score_column = GetString(from, "scoreColumn");
  sql.ttl_column = GetString(from, "ttlColumn");
  sql.order_by = GetString(from, "orderBy");
  sql.max_rows = GetOptional<std::int64_t>(from, "maxRows");
  STOKER_TRY(const std::optional<Millis> timeout, GetDuration(from, "statementTimeout"));
  sql.statement_timeout = timeout.value_or(sql.statement_timeout);
  sql.ca_secret_ref = GetKeyRef(from, "caSecretRef");
  return sql;
}

AccessLogSource ToAccessLog(const json& from) {
  AccessLogSource log;
  log.config_map_ref = GetKeyRef(from, "configMapRef");
  log.url = GetString(from, "url");
  log.path = GetString(from, "path");
  log.json = GetString(from, "format") == "JSON";
  log.json_log.method_pointer = Get(from, "methodPointer", log.json_log.method_pointer);
  log.json_log.path_pointer = Get(from, "pathPointer", log.json_log.path_pointer);
  log.json_log.status_pointer = Get(from, "statusPointer", log.json_log.status_pointer);
  log.methods = Get(from, "methods", log.methods);
  log.statuses = Get(from, "statuses", log.statuses);
  log.ignore_query = Get(from, "ignoreQuery", false);
  log.max_keys = Get(from, "maxKeys", log.max_keys);
  log.key_template = Get(from, "keyTemplate", log.key_template);
  return log;
}

std::optional<TlsConfig> ToTls(const json& from) {
  const json* member = Find(from, "tls");
  if (member == nullptr) return std::nullopt;
  TlsConfig tls;
  tls.ca_secret_ref = GetKeyRef(*member, "caSecretRef");
  tls.cert_secret_ref = GetKeyRef(*member, "certSecretRef");
  tls.key_secret_ref = GetKeyRef(*member, "keySecretRef");
  tls.server_name = GetString(*member, "serverName");
  tls.insecure_skip_verify = Get(*member, "insecureSkipVerify", false);
  return tls;
}

RedisTarget ToRedisTarget(const json& from) {
  RedisTarget redis;
  redis.address = from.at("address").get<std::string>();
  const std::string mode = GetString(from, "mode");
  if (mode == "Cluster") redis.mode = RedisTarget::Mode::kCluster;
  if (mode == "Sentinel") redis.mode = RedisTarget::Mode::kSentinel;
  redis.master_name = GetString(from, "masterName");
  redis.database = Get(from, "database", 0);
  redis.credentials_secret_ref = GetRefName(from, "credentialsSecretRef");
  redis.tls = ToTls(from);
  return redis;
}

Result<Source> ToSource(const json& from) {
  Source source;
  source.name = from.at("name").get<std::string>();
  source.weight = Get(from, "weight", source.weight);
  source.limit = GetOptional<std::int64_t>(from, "limit");
  STOKER_TRY(source.ttl, GetDuration(from, "ttl"));
  source.key_pattern = GetString(from, "keyPattern");
  if (const RE2 pattern(source.key_pattern, RE2::Quiet); !pattern.ok()) {
    return Invalid("keyPattern: is no regular expression of RE2: " + pattern.error());
  }
  source.include = Get<std::vector<std::string>>(from, "include", {});
  source.exclude = Get<std::vector<std::string>>(from, "exclude", {});
  if (const json* member = Find(from, "static")) source.static_ = ToStatic(*member);
  if (const json* member = Find(from, "pattern")) source.pattern = ToPattern(*member);
  if (const json* member = Find(from, "http")) source.http = ToHttpSource(*member);
  if (const json* member = Find(from, "redis")) {
    source.redis = RedisSource{ToRedisTarget(*member), Get<std::string>(*member, "match", "*")};
  }
  if (const json* member = Find(from, "accessLog")) source.access_log = ToAccessLog(*member);
  if (const json* member = Find(from, "sql")) {
    auto sql = ToSql(*member);
    if (!sql) return Nest("sql", sql.error());
    source.sql = std::move(*sql);
  }
  return source;
}

std::vector<Header> ToHeaders(const json& from) {
  std::vector<Header> headers;
  if (const json* list = Find(from, "headers")) {
    for (const json& header : *list) {
      headers.push_back({header.at("name").get<std::string>(), GetString(header, "value")});
    }
  }
  return headers;
}

HttpAuth ToHttpAuth(const json& from) {
  HttpAuth auth;
  auth.bearer_secret_ref = GetKeyRef(from, "bearerSecretRef");
  auth.basic_secret_ref = GetRefName(from, "basicSecretRef");
  if (const json* member = Find(from, "oauth2")) {
    OAuth2& oauth2 = auth.oauth2.emplace();
    oauth2.token_url = member->at("tokenURL").get<std::string>();
    oauth2.client_secret_ref = GetRefName(*member, "clientSecretRef").value_or("");
    oauth2.scopes = Get<std::vector<std::string>>(*member, "scopes", {});
    oauth2.ca_secret_ref = GetKeyRef(*member, "caSecretRef");
  }
  return auth;
}

Result<HttpOrigin> ToHttpOrigin(const json& from) {
  HttpOrigin http;
  http.url = from.at("url").get<std::string>();
  http.headers = ToHeaders(from);
  http.headers_secret_ref = GetRefName(from, "headersSecretRef");
  if (const json* auth = Find(from, "auth")) http.auth = ToHttpAuth(*auth);
  STOKER_TRY(const std::optional<Millis> timeout, GetDuration(from, "timeout"));
  http.timeout = timeout.value_or(http.timeout);
  STOKER_CHECK(ReadBytes(from, "maxBodySize", http.max_body_bytes));
  http.tls = ToTls(from);
  return http;
}

Result<SqlOrigin> ToSqlOrigin(const json& from) {
  SqlOrigin sql;
  sql.connection_secret_ref = GetKeyRef(from, "connectionSecretRef").value_or(KeyRef{});
  sql.query = from.at("query").get<std::string>();
  sql.key_template = Get(from, "keyTemplate", sql.key_template);
  sql.key_column = GetString(from, "keyColumn");
  sql.value_column = GetString(from, "valueColumn");
  STOKER_TRY(const std::optional<Millis> timeout, GetDuration(from, "statementTimeout"));
  sql.statement_timeout = timeout.value_or(sql.statement_timeout);
  STOKER_CHECK(ReadBytes(from, "maxValueSize", sql.max_value_bytes));
  sql.ca_secret_ref = GetKeyRef(from, "caSecretRef");
  return sql;
}

Result<RedisOrigin> ToRedisOrigin(const json& from) {
  RedisOrigin redis;
  redis.server = ToRedisTarget(from);
  redis.key_template = Get(from, "keyTemplate", redis.key_template);
  STOKER_TRY(const std::optional<Millis> timeout, GetDuration(from, "timeout"));
  redis.timeout = timeout.value_or(redis.timeout);
  STOKER_CHECK(ReadBytes(from, "maxValueSize", redis.max_value_bytes));
  return redis;
}

Result<Origin> ToOrigin(const json& from) {
  Origin origin;
  origin.name = from.at("name").get<std::string>();
  if (const json* member = Find(from, "http")) {
    auto http = ToHttpOrigin(*member);
    if (!http) return Nest("http", http.error());
    origin.http = std::move(*http);
  }
  if (const json* member = Find(from, "sql")) {
    auto sql = ToSqlOrigin(*member);
    if (!sql) return Nest("sql", sql.error());
    origin.sql = std::move(*sql);
  }
  if (const json* member = Find(from, "redis")) {
    auto redis = ToRedisOrigin(*member);
    if (!redis) return Nest("redis", redis.error());
    origin.redis = std::move(*redis);
  }
  return origin;
}

Result<Write> ToWrite(const json& from) {
  Write write;
  const std::string mode = GetString(from, "mode");
  if (mode == "Overwrite") write.mode = Write::Mode::kOverwrite;
  if (mode == "Refresh") write.mode = Write::Mode::kRefresh;
  STOKER_TRY(write.ttl, GetDuration(from, "ttl"));
  STOKER_TRY(write.refresh_below, GetDuration(from, "refreshBelow"));
  write.ttl_jitter_percent = Get(from, "ttlJitterPercent", 0);
  return write;
}

SqlTarget ToSqlTarget(const json& from) {
  SqlTarget sql;
  sql.connection_secret_ref = GetKeyRef(from, "connectionSecretRef").value_or(KeyRef{});
  sql.table = from.at("table").get<std::string>();
  sql.key_column = Get(from, "keyColumn", sql.key_column);
  sql.value_column = Get(from, "valueColumn", sql.value_column);
  sql.expiry_column = Get(from, "expiryColumn", sql.expiry_column);
  sql.ca_secret_ref = GetKeyRef(from, "caSecretRef");
  return sql;
}

Result<HttpCacheTarget> ToHttpCache(const json& from) {
  HttpCacheTarget http;
  http.url = from.at("url").get<std::string>();
  http.all_endpoints = GetString(from, "fanOut") == "AllEndpoints";
  http.headers = ToHeaders(from);
  if (const json* variants = Find(from, "variants")) {
    for (const json& variant : *variants) {
      http.variants.push_back({variant.at("name").get<std::string>(), ToHeaders(variant)});
    }
  }
  http.status_header = GetString(from, "statusHeader");
  http.tls = ToTls(from);
  STOKER_TRY(const std::optional<Millis> timeout, GetDuration(from, "timeout"));
  http.timeout = timeout.value_or(http.timeout);
  return http;
}

Result<Target> ToTarget(const json& from) {
  Target target;
  target.name = from.at("name").get<std::string>();
  if (const json* member = Find(from, "redis")) target.redis = ToRedisTarget(*member);
  if (const json* member = Find(from, "http")) {
    auto http = ToHttpCache(*member);
    if (!http) return Nest("http", http.error());
    target.http = std::move(*http);
  }
  if (const json* member = Find(from, "memcached")) {
    target.memcached = MemcachedTarget{member->at("addresses").get<std::vector<std::string>>()};
  }
  if (const json* member = Find(from, "sql")) target.sql = ToSqlTarget(*member);
  if (const json* member = Find(from, "write")) {
    auto write = ToWrite(*member);
    if (!write) return Nest("write", write.error());
    target.write = *write;
  }
  target.min_score = GetOptional<double>(from, "minScore");
  if (const json* member = Find(from, "pacing")) {
    TargetPacing& pacing = target.pacing.emplace();
    pacing.requests_per_second = Get(*member, "requestsPerSecond", pacing.requests_per_second);
    pacing.max_in_flight = Get(*member, "maxInFlight", pacing.max_in_flight);
    if (const Status read = ReadBytes(*member, "bytesPerSecond", pacing.bytes_per_second); !read)
      return Nest("pacing", read.error());
  }
  if (const json* member = Find(from, "capacity")) {
    Capacity& capacity = target.capacity.emplace();
    capacity.max_memory_percent = Get(*member, "maxMemoryPercent", capacity.max_memory_percent);
    if (GetString(*member, "onExceed") == "Fail") capacity.on_exceed = Capacity::OnExceed::kFail;
  }
  return target;
}

// Applies `convert` to every item of a list and names the item that fails.
template <class T>
Result<std::vector<T>> ToList(const json& spec, const char* name,
                              Result<T> (*convert)(const json&)) {
  std::vector<T> list;
  const json* items = Find(spec, name);
  if (items == nullptr) return list;
  for (const json& item : *items) {
    Result<T> value = convert(item);
    if (!value) {
      return Nest(std::string(name) + "[" + std::to_string(list.size()) + "]", value.error());
    }
    list.push_back(std::move(*value));
  }
  return list;
}

Workers ToWorkers(const json& from) {
  Workers workers;
  workers.replicas = Get(from, "replicas", workers.replicas);
  const auto quantities = [&](const json& resources, const char* name) {
    std::map<std::string, std::string> map;
    if (const json* member = Find(resources, name)) {
      for (const auto& [key, value] : member->items()) {
        map[key] = value.is_string() ? value.get<std::string>() : value.dump();
      }
    }
    return map;
  };
  if (const json* resources = Find(from, "resources")) {
    workers.resources = {quantities(*resources, "requests"), quantities(*resources, "limits")};
  }
  workers.node_selector = GetStringMap(from, "nodeSelector");
  workers.tolerations = Get(from, "tolerations", json::array());
  workers.priority_class_name = GetString(from, "priorityClassName");
  workers.labels = GetStringMap(from, "labels");
  workers.annotations = GetStringMap(from, "annotations");
  return workers;
}

Result<Execution> ToExecution(const json& from) {
  Execution execution;
  const std::string mode = GetString(from, "mode");
  if (mode == "InProcess") execution.mode = Execution::Mode::kInProcess;
  if (mode == "Pods") execution.mode = Execution::Mode::kPods;
  execution.batch_size = Get(from, "batchSize", execution.batch_size);
  STOKER_TRY(const std::optional<Millis> deadline, GetDuration(from, "deadline"));
  execution.deadline = deadline.value_or(execution.deadline);
  STOKER_TRY(const std::optional<Millis> ttl, GetDuration(from, "ttlAfterFinished"));
  execution.ttl_after_finished = ttl.value_or(execution.ttl_after_finished);
  if (const json* limit = Find(from, "historyLimit")) {
    execution.history_limit.successful =
        Get(*limit, "successful", execution.history_limit.successful);
    execution.history_limit.failed = Get(*limit, "failed", execution.history_limit.failed);
  }
  if (const json* workers = Find(from, "workers")) execution.workers = ToWorkers(*workers);
  return execution;
}

void ReadStrategy(const json& from, Strategy& strategy) {
  const std::string type = GetString(from, "type");
  if (type == "Selective") strategy.type = Strategy::Type::kSelective;
  if (type == "BreadthFirst") strategy.type = Strategy::Type::kBreadthFirst;
  if (type == "Priority") strategy.type = Strategy::Type::kPriority;
  strategy.top = GetOptional<std::int64_t>(from, "top");
  strategy.separator = Get(from, "separator", strategy.separator);
  if (const json* rules = Find(from, "importance")) {
    for (const json& rule : *rules) {
      strategy.importance.push_back(
          {rule.at("match").get<std::string>(), rule.at("value").get<double>()});
    }
  }
}

Status ReadLatency(const json& from, LatencyPacing& latency) {
  latency.adaptive = Get(from, "adaptive", latency.adaptive);
  STOKER_CHECK(ReadDuration(from, "slowAbove", latency.slow_above));
  STOKER_CHECK(ReadDuration(from, "stopAbove", latency.stop_above));
  return ReadDuration(from, "window", latency.window);
}

Status ReadBreaker(const json& from, CircuitBreaker& breaker) {
  breaker.failure_threshold = Get(from, "failureThreshold", breaker.failure_threshold);
  breaker.half_open_probes = Get(from, "halfOpenProbes", breaker.half_open_probes);
  return ReadDuration(from, "openFor", breaker.open_for);
}

Status ReadEmergencyStop(const json& from, EmergencyStop& stop) {
  if (GetString(from, "resume") == "Auto") stop.resume = EmergencyStop::Resume::kAuto;
  return ReadDuration(from, "cooldown", stop.cooldown);
}

Status ReadPacing(const json& from, Pacing& pacing) {
  pacing.requests_per_second = Get(from, "requestsPerSecond", pacing.requests_per_second);
  pacing.burst = Get(from, "burst", pacing.burst);
  pacing.max_in_flight = Get(from, "maxInFlight", pacing.max_in_flight);
  STOKER_CHECK(ReadBytes(from, "bytesPerSecond", pacing.bytes_per_second));
  if (const json* latency = Find(from, "latency")) {
    if (Status read = ReadLatency(*latency, pacing.latency); !read)
      return Nest("latency", read.error());
  }
  if (const json* breaker = Find(from, "circuitBreaker")) {
    pacing.circuit_breaker.emplace();
    if (Status read = ReadBreaker(*breaker, *pacing.circuit_breaker); !read)
      return Nest("circuitBreaker", read.error());
  }
  if (const json* stop = Find(from, "emergencyStop")) {
    if (Status read = ReadEmergencyStop(*stop, pacing.emergency_stop); !read)
      return Nest("emergencyStop", read.error());
  }
  return {};
}

Status ReadRetry(const json& from, Retry& retry) {
  retry.limit = Get(from, "limit", retry.limit);
  STOKER_TRY(const std::optional<Millis> backoff, GetDuration(from, "backoff"));
  retry.backoff = backoff.value_or(retry.backoff);
  STOKER_TRY(const std::optional<Millis> max_backoff, GetDuration(from, "maxBackoff"));
  retry.max_backoff = max_backoff.value_or(retry.max_backoff);
  return {};
}

Result<WarmingPolicySpec> ReadSpec(const json& from) {
  WarmingPolicySpec spec;
  spec.suspend = Get(from, "suspend", spec.suspend);
  STOKER_TRY(spec.sources, ToList<Source>(from, "sources", ToSource));
  STOKER_TRY(spec.origins, ToList<Origin>(from, "origins", ToOrigin));
  STOKER_TRY(spec.targets, ToList<Target>(from, "targets", ToTarget));
  if (const json* strategy = Find(from, "strategy")) ReadStrategy(*strategy, spec.strategy);
  if (const json* pacing = Find(from, "pacing")) {
    if (Status read = ReadPacing(*pacing, spec.pacing); !read) return Nest("pacing", read.error());
  }
  if (const json* retry = Find(from, "retry")) {
    if (Status read = ReadRetry(*retry, spec.retry); !read) return Nest("retry", read.error());
  }
  if (const json* verification = Find(from, "verification")) {
    spec.verification_sample_percent = Get(*verification, "samplePercent", 0.0);
  }
  if (const json* success = Find(from, "success")) {
    spec.min_warmed_percent = Get(*success, "minWarmedPercent", spec.min_warmed_percent);
  }
  if (const json* triggers = Find(from, "triggers")) {
    spec.trigger_on_change = Get(*triggers, "onChange", spec.trigger_on_change);
    for (const json& rollout : triggers->value("rollouts", json::array())) {
      spec.rollouts.push_back({rollout.at("kind"), rollout.at("name")});
    }
  }
  if (const json* execution = Find(from, "execution")) {
    Result<Execution> read = ToExecution(*execution);
    if (!read) return Nest("execution", read.error());
    spec.execution = std::move(*read);
  }
  return spec;
}

}  // namespace

Result<WarmingPolicySpec> ToWarmingPolicySpec(const nlohmann::json& spec) {
  return Converted([&]() -> Result<WarmingPolicySpec> {
    if (!spec.is_object()) return Invalid("spec: must be an object");
    Result<WarmingPolicySpec> read = ReadSpec(spec);
    if (!read) return Nest("spec", read.error());
    return read;
  });
}

Result<WarmingPolicy> ToWarmingPolicy(const nlohmann::json& object) {
  return Converted([&]() -> Result<WarmingPolicy> {
    WarmingPolicy policy;
    policy.meta = ToObjectMeta(object);
    policy.spec_json = object.at("spec");
    STOKER_TRY(policy.spec, ToWarmingPolicySpec(policy.spec_json));
    policy.status = GetObject(object, "status");
    return policy;
  });
}

}  // namespace stoker::api
