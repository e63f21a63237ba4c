#pragma once

// The two kinds of stoker.dev/v1alpha1 as C++ values.
//
// A value of these types has passed the CRD's schema, defaults and rules (see api/manifest.h), so
// code that reads it need not check it again. Durations are milliseconds. A member that the
// manifest may leave out and that has no default is optional. Only fields that work are here: a
// field that is accepted and ignored is a lie.
//
// Thread safety: plain values.

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::api {

inline constexpr char kGroup[] = "stoker.dev";
inline constexpr char kVersion[] = "v1alpha1";
inline constexpr char kApiVersion[] = "stoker.dev/v1alpha1";

// metadata, as far as Stoker reads it.
struct ObjectMeta {
  std::string name;
  std::string namespace_;  // NOLINT(readability-identifier-naming): a keyword
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  std::optional<WallTime> creation_timestamp;
  std::optional<WallTime> deletion_timestamp;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
};

struct KeyRef {  // a key of a ConfigMap or Secret in the policy's own namespace
  std::string name;
  std::string key;
};

// ---- WarmingPolicy ----------------------------------------------------------------------------

struct StaticSource {  // exactly one of the two
  std::vector<std::string> keys;
  std::optional<KeyRef> config_map_ref;  // one key a line; gzip is recognised by its magic bytes
};

struct PatternVariable {  // either values, or from..to (inclusive)
  std::string name;
  std::vector<std::string> values;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
};

struct PatternSource {
  // "product:{id}:{lang}"; the first variable moves slowest
  std::string template_;  // NOLINT(readability-identifier-naming): a keyword
  std::vector<PatternVariable> variables;
  // Over the variables and `key`, braces doubled: entries carry it. Empty: they carry none.
  std::string value{};
};

struct JsonField {
  std::string name;
  std::string pointer;  // a JSON pointer into an item
};

struct HttpPaging {  // of JSON
  enum class Type { kNone, kLink, kCursor };
  Type type = Type::kNone;
  std::string cursor_pointer;    // Cursor: into the document
  std::string cursor_parameter;  // the cursor goes there; empty: it is the next URL itself
  std::int64_t max_pages = 1000;
};

struct HttpSource {
  enum class Format { kLines, kSitemap, kJson };
  std::string url;
  Format format = Format::kLines;
  std::string key_template =
      "{key}";  // Lines: {key} is the line; Sitemap: {url}, {path}; {key} is the URL
  // JSON: pointers; an empty one is the document, or where it may be missing, none.
  std::string json_pointer{};  // to the array of items
  std::vector<JsonField> fields{};
  std::string score_pointer{}, ttl_pointer{}, value_pointer{};  // into an item
  HttpPaging paging{};
};

struct JsonLog {  // where a line has what
  std::string method_pointer = "/request_method";
  std::string path_pointer = "/request_uri";
  std::string status_pointer = "/status";
};

struct AccessLogSource {  // exactly one of the first three
  std::optional<KeyRef> config_map_ref;
  std::string url;
  std::string path;   // a file of the machine that runs `stoker run`
  bool json = false;  // a JSON object a line; else the combined format
  JsonLog json_log;
  std::vector<std::string> methods = {"GET"};
  std::vector<std::string> statuses = {"200", "304"};  // "2xx" too
  bool ignore_query = false;
  std::int64_t max_keys = 100'000;  // different paths that are counted
  std::string key_template = "{path}";
};

struct SqlSource {
  KeyRef connection_secret_ref;  // a connection string of PostgreSQL
  std::string query;
  std::string key_template;  // over the query's columns
  // Names of columns; empty: none.
  std::string value_column;  // entries carry their value
  std::string score_column;
  std::string ttl_column;  // seconds; NULL: the source's or the target's; 0 and less: expired
  std::string order_by;    // unique, never NULL: makes the source resumable
  std::optional<std::int64_t> max_rows;
  Millis statement_timeout{30'000};
  std::optional<KeyRef> ca_secret_ref;  // PEM bundle; none: the system's
};

struct TlsConfig {
  std::optional<KeyRef> ca_secret_ref;    // PEM bundle; replaces the system's
  std::optional<KeyRef> cert_secret_ref;  // client certificate, PEM
  std::optional<KeyRef> key_secret_ref;   // its private key, PEM
  std::string server_name;                // SNI and the name to verify; empty: the host
  bool insecure_skip_verify = false;
};

struct RedisTarget {
  enum class Mode { kStandalone, kCluster, kSentinel };
  std::string address;  // host:port; of any node of a cluster, or of a sentinel
  Mode mode = Mode::kStandalone;
  std::string master_name;  // Sentinel: as the sentinels call it
  int database = 0;
  std::optional<std::string>
      credentials_secret_ref;    // Secret with keys `username` (optional), `password`
  std::optional<TlsConfig> tls;  // present: TLS
};

struct RedisSource {
  RedisTarget server;  // Standalone or Cluster
  std::string match = "*";
};

struct Source {  // exactly one of the members below `exclude`
  std::string name;
  double weight = 1;  // multiplies an entry's score
  std::optional<std::int64_t> limit;
  std::optional<Millis> ttl;         // overrides the targets' for these entries
  std::string key_pattern;           // RE2; keys that do not match are failures; empty: all match
  std::vector<std::string> include;  // globs on the key; empty: all
  std::vector<std::string> exclude;
  std::optional<StaticSource> static_;  // NOLINT(readability-identifier-naming): a keyword
  std::optional<PatternSource> pattern;
  std::optional<HttpSource> http;
  std::optional<SqlSource> sql;
  std::optional<AccessLogSource> access_log;
  std::optional<RedisSource> redis;
};

struct Importance {
  std::string match;  // a glob on the key
  double value = 1;
};

struct Strategy {
  enum class Type { kBulk, kSelective, kBreadthFirst, kPriority };
  Type type = Type::kBulk;
  std::optional<std::int64_t> top{};     // of what is in order, only the first N; never with Bulk
  std::string separator = ":";           // BreadthFirst: of a key's segments
  std::vector<Importance> importance{};  // Priority: the first that matches counts
};

struct Header {
  std::string name;
  std::string value;
};

struct OAuth2 {  // client credentials
  std::string token_url;
  std::string client_secret_ref;  // Secret with keys `clientID` and `clientSecret`
  std::vector<std::string> scopes;
  std::optional<KeyRef> ca_secret_ref;  // PEM bundle, for the endpoint; none: the system's
};

struct HttpAuth {  // exactly one
  std::optional<KeyRef> bearer_secret_ref;
  std::optional<std::string> basic_secret_ref;  // Secret with keys `username` and `password`
  std::optional<OAuth2> oauth2;
};

struct HttpOrigin {
  std::string
      url;  // a template: {key} is percent-encoded, {+key} keeps reserved characters (RFC 6570)
  std::vector<Header> headers;
  std::optional<std::string> headers_secret_ref;  // every key of the Secret becomes a header
  std::optional<HttpAuth> auth;
  Millis timeout{5000};  // of one attempt, from dial to the last byte
  std::int64_t max_body_bytes = 16 << 20;
  std::optional<TlsConfig> tls;
};

struct SqlOrigin {
  KeyRef connection_secret_ref;  // a connection string of PostgreSQL
  std::string query;             // with $1: the array of keys
  std::string key_template = "{key}";
  std::string key_column, value_column;
  Millis statement_timeout{30'000};
  std::int64_t max_value_bytes = 16 << 20;
  std::optional<KeyRef> ca_secret_ref;  // PEM bundle; none: the system's
};

struct RedisOrigin {
  RedisTarget server;
  std::string key_template = "{key}";
  Millis timeout{5000};
  std::int64_t max_value_bytes = 16 << 20;
};

struct Origin {  // exactly one of the members below the name
  std::string name;
  std::optional<HttpOrigin> http;
  std::optional<SqlOrigin> sql;
  std::optional<RedisOrigin> redis;
};

struct MemcachedTarget {
  std::vector<std::string> addresses;  // host:port, as the applications' clients name them
};

struct SqlTarget {  // a table of PostgreSQL
  KeyRef connection_secret_ref;
  std::string table;  // perhaps with its schema: "shop.cache"
  std::string key_column = "key";
  std::string value_column = "value";
  std::string expiry_column = "expires_at";
  std::optional<KeyRef> ca_secret_ref;  // PEM bundle; none: the system's
};

struct Write {
  enum class Mode { kIfAbsent, kOverwrite, kRefresh };
  Mode mode = Mode::kIfAbsent;
  std::optional<Millis> refresh_below;  // Refresh: what lives shorter than this is fetched anew
  std::optional<Millis> ttl;            // none: no expiry
  int ttl_jitter_percent = 0;           // ttl * (1 +- percent/100), by key
};

struct Capacity {
  enum class OnExceed { kStop, kFail };
  int max_memory_percent = 85;
  OnExceed on_exceed = OnExceed::kStop;
};

struct TargetPacing {  // of writes; 0: no bound
  std::int64_t requests_per_second = 0;
  std::int64_t bytes_per_second = 0;
  std::int64_t max_in_flight = 0;
};

struct CacheVariant {  // what a cache keeps apart
  std::string name;
  std::vector<Header> headers;
};

struct HttpCacheTarget {
  std::string url;             // a template, as an origin's
  bool all_endpoints = false;  // every address that the host has
  std::vector<Header> headers;
  std::vector<CacheVariant> variants;  // none: one without further headers
  std::string status_header;           // that tells a hit; empty: those that are usual
  std::optional<TlsConfig> tls;
  Millis timeout{5000};  // of one request
};

struct Target {  // exactly one of redis, memcached and sql
  std::string name;
  std::optional<RedisTarget> redis;
  std::optional<MemcachedTarget> memcached;
  std::optional<HttpCacheTarget> http;
  std::optional<SqlTarget> sql;
  Write write;
  std::optional<TargetPacing> pacing;  // none: as fast as values come
  std::optional<Capacity> capacity;    // none: not looked after
  // An upper tier: takes only entries that score so much, after the targets before it hold them.
  std::optional<double> min_score;
  bool in_memory = false;  // CLI only (--target memory), never in a manifest: a map in this process
};

struct LatencyPacing {
  bool adaptive = false;  // as many requests at a time as the origin bears unnoticed
  Millis slow_above{0};   // fewer at a time above it; 0: never for that
  Millis stop_above{0};   // none at all above it; 0: never
  Millis window{10'000};  // what stop_above judges by
};

struct CircuitBreaker {
  int failure_threshold = 10;  // in a row
  Millis open_for{30'000};
  int half_open_probes = 3;
};

struct EmergencyStop {
  enum class Resume { kManual, kAuto };
  Resume resume = Resume::kManual;
  Millis cooldown{std::chrono::minutes(5)};  // Auto
};

struct Pacing {
  std::int64_t requests_per_second = 100;
  std::int64_t burst = 10;
  std::int64_t max_in_flight = 10;
  std::int64_t bytes_per_second = 0;  // 0: no bound
  LatencyPacing latency{};
  std::optional<CircuitBreaker> circuit_breaker{};  // none: never opens
  EmergencyStop emergency_stop{};
};

struct Retry {
  int limit = 3;  // attempts after the first
  Millis backoff{100};
  Millis max_backoff{5000};
};

struct Resources {
  std::map<std::string, std::string> requests;
  std::map<std::string, std::string> limits;
};

struct Workers {
  std::int64_t replicas = 1;
  Resources resources;
  std::map<std::string, std::string> node_selector;
  nlohmann::json tolerations = nlohmann::json::array();
  std::string priority_class_name;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
};

struct HistoryLimit {
  int successful = 3;
  int failed = 1;
};

struct Execution {
  enum class Mode { kAuto, kInProcess, kPods };
  Mode mode = Mode::kAuto;
  std::int64_t batch_size = 100;
  Millis deadline{std::chrono::hours(1)};
  Millis ttl_after_finished{std::chrono::hours(1)};
  HistoryLimit history_limit;
  Workers workers;
};

struct Rollout {     // a workload of the policy's namespace
  std::string kind;  // Deployment, StatefulSet or DaemonSet
  std::string name;
};

struct WarmingPolicySpec {
  bool suspend = false;
  std::vector<Source> sources;
  Strategy strategy;
  std::vector<Origin> origins;
  std::vector<Target> targets;
  Pacing pacing;
  Retry retry;
  double verification_sample_percent = 0;
  double min_warmed_percent = 95;
  bool trigger_on_change = true;
  std::vector<Rollout> rollouts;
  Execution execution;
};

struct WarmingPolicy {
  ObjectMeta meta;
  WarmingPolicySpec spec;
  nlohmann::json spec_json;  // the defaulted spec, as the plan and the change hash hold it
  nlohmann::json status;     // as the server has it; written only by reconcile/
};

// ---- PrewarmSchedule --------------------------------------------------------------------------

struct PrewarmScheduleSpec {
  std::string policy_name;  // policyRef.name
  std::string schedule;     // schedules[0]
  std::string time_zone = "Etc/UTC";
  std::optional<std::int64_t> starting_deadline_seconds;
  bool suspend = false;  // concurrencyPolicy is Forbid
};

struct PrewarmSchedule {
  ObjectMeta meta;
  PrewarmScheduleSpec spec;
  nlohmann::json status;
};

}  // namespace stoker::api
