#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/api/manifest.h"
#include "tests/support/process.h"
#include "tests/unit/api/sample.h"

namespace stoker::api {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json Defaulted(json object) {
  const std::vector<FieldError> errors = DefaultAndValidate(object);
  EXPECT_TRUE(errors.empty()) << ToError(object, errors).message;
  return object;
}

json FromCorpus(const std::string& name) {
  const auto documents =
      ParseDocuments(testing::ReadFile(STOKER_SOURCE_DIR + "/tests/corpus/good/" + name));
  EXPECT_TRUE(documents) << documents.error().message;
  return Defaulted(documents->front());
}

// What the types say without a manifest is what the schema says: nobody has to look in two places.
TEST(ToWarmingPolicy, AgreesWithTheDefaultsOfTheTypes) {
  const Result<WarmingPolicy> policy = ToWarmingPolicy(Defaulted(SamplePolicy()));
  ASSERT_TRUE(policy) << policy.error().message;
  const WarmingPolicySpec plain;
  const WarmingPolicySpec& spec = policy->spec;
  EXPECT_EQ(spec.suspend, plain.suspend);
  EXPECT_EQ(spec.pacing.requests_per_second, plain.pacing.requests_per_second);
  EXPECT_EQ(spec.pacing.burst, plain.pacing.burst);
  EXPECT_EQ(spec.pacing.max_in_flight, plain.pacing.max_in_flight);
  EXPECT_EQ(spec.retry.limit, plain.retry.limit);
  EXPECT_EQ(spec.retry.backoff, plain.retry.backoff);
  EXPECT_EQ(spec.retry.max_backoff, plain.retry.max_backoff);
  EXPECT_EQ(spec.verification_sample_percent, plain.verification_sample_percent);
  EXPECT_EQ(spec.min_warmed_percent, plain.min_warmed_percent);
  EXPECT_EQ(spec.trigger_on_change, plain.trigger_on_change);
  EXPECT_EQ(spec.execution.mode, plain.execution.mode);
  EXPECT_EQ(spec.execution.batch_size, plain.execution.batch_size);
  EXPECT_EQ(spec.execution.deadline, plain.execution.deadline);
  EXPECT_EQ(spec.execution.ttl_after_finished, plain.execution.ttl_after_finished);
  EXPECT_EQ(spec.execution.history_limit.successful, plain.execution.history_limit.successful);
  EXPECT_EQ(spec.execution.history_limit.failed, plain.execution.history_limit.failed);
  EXPECT_EQ(spec.execution.workers.replicas, plain.execution.workers.replicas);
  EXPECT_EQ(spec.strategy.type, plain.strategy.type);
  ASSERT_EQ(spec.origins.size(), 1U);
  EXPECT_EQ(spec.origins[0].http->timeout, HttpOrigin().timeout);
  EXPECT_EQ(spec.origins[0].http->max_body_bytes, HttpOrigin().max_body_bytes);
  ASSERT_EQ(spec.targets.size(), 1U);
  EXPECT_EQ(spec.targets[0].write.mode, Write().mode);
  EXPECT_EQ(spec.targets[0].write.ttl, std::nullopt);
  EXPECT_FALSE(spec.targets[0].redis->tls);
  EXPECT_EQ(spec.sources[0].weight, Source().weight);
}

TEST(ToWarmingPolicy, ReadsEveryFieldOfSourcesAndOrigins) {
  const Result<WarmingPolicy> policy = ToWarmingPolicy(FromCorpus("every-field.yaml"));
  ASSERT_TRUE(policy) << policy.error().message;
  ASSERT_EQ(policy->spec.sources.size(), 3U);
  const Source& pattern = policy->spec.sources[0];
  EXPECT_EQ(pattern.name, "catalogue");
  EXPECT_EQ(pattern.weight, 2.5);
  EXPECT_EQ(pattern.limit, 5000);
  EXPECT_EQ(pattern.ttl, std::chrono::minutes(30));
  EXPECT_THAT(pattern.include, ElementsAre("product:*"));
  EXPECT_THAT(pattern.exclude, ElementsAre("product:test:*"));
  ASSERT_TRUE(pattern.pattern);
  EXPECT_EQ(pattern.pattern->template_, "product:{id}:{lang}");
  EXPECT_EQ(pattern.pattern->variables[0].from, 1);
  EXPECT_EQ(pattern.pattern->variables[0].to, 5000);
  EXPECT_THAT(pattern.pattern->variables[1].values, ElementsAre("de", "en"));
  EXPECT_EQ(policy->spec.sources[1].http->format, HttpSource::Format::kSitemap);
  EXPECT_EQ(policy->spec.sources[1].http->key_template, "page:{path}");
  EXPECT_EQ(policy->spec.sources[2].static_->config_map_ref->key, "keys.txt");

  const HttpOrigin& origin = *policy->spec.origins[0].http;
  EXPECT_EQ(origin.url, "https://catalogue.shop/api/{+key}?v=1");
  EXPECT_EQ(origin.headers[0].name, "Accept-Language");
  EXPECT_EQ(origin.headers[1].value, "");
  EXPECT_EQ(origin.headers_secret_ref, "api-token");
  EXPECT_EQ(origin.timeout, std::chrono::seconds(90));
  EXPECT_EQ(origin.max_body_bytes, 512 * 1024);
  EXPECT_EQ(origin.tls->ca_secret_ref->name, "ca");
  EXPECT_EQ(origin.tls->key_secret_ref->key, "tls.key");
  EXPECT_EQ(origin.tls->server_name, "catalogue.internal");
}

TEST(ToWarmingPolicy, ReadsEveryKindOfTarget) {
  const auto target_of = [](const char* file) -> Target {
    const Result<WarmingPolicy> policy = ToWarmingPolicy(FromCorpus(file));
    if (!policy || policy->spec.targets.empty()) {
      ADD_FAILURE() << file << (policy ? " has no target" : policy.error().message);
      return {};
    }
    return policy->spec.targets[0];
  };
  const Target memcached = target_of("memcached.yaml");
  EXPECT_FALSE(memcached.redis);
  ASSERT_TRUE(memcached.memcached);
  EXPECT_EQ(memcached.memcached->addresses.size(), 3U);
  EXPECT_FALSE(memcached.capacity);
  EXPECT_EQ(target_of("redis-cluster.yaml").redis->mode, RedisTarget::Mode::kCluster);
  const Target sentinel = target_of("redis-sentinel.yaml");
  EXPECT_EQ(sentinel.redis->mode, RedisTarget::Mode::kSentinel);
  EXPECT_EQ(sentinel.redis->master_name, "mymaster");
  const Target refresh = target_of("refresh.yaml");
  EXPECT_EQ(refresh.redis->mode, RedisTarget::Mode::kStandalone);
  EXPECT_EQ(refresh.write.mode, Write::Mode::kRefresh);
  EXPECT_EQ(refresh.write.refresh_below, std::chrono::minutes(10));
  const Target guarded = target_of("capacity.yaml");
  EXPECT_EQ(guarded.capacity->max_memory_percent, 70);
  EXPECT_EQ(guarded.capacity->on_exceed, Capacity::OnExceed::kFail);
  const Target by_default = target_of("capacity-defaults.yaml");
  EXPECT_EQ(by_default.capacity->max_memory_percent, 85);
  EXPECT_EQ(by_default.capacity->on_exceed, Capacity::OnExceed::kStop);
}

TEST(ToWarmingPolicy, ReadsEveryFieldOfTargetsAndExecution) {
  const Result<WarmingPolicy> policy = ToWarmingPolicy(FromCorpus("every-field.yaml"));
  ASSERT_TRUE(policy) << policy.error().message;
  const Target& target = policy->spec.targets[0];
  EXPECT_EQ(target.redis->address, "[::1]:6379");
  EXPECT_EQ(target.redis->database, 3);
  EXPECT_EQ(target.redis->credentials_secret_ref, "redis-auth");
  EXPECT_TRUE(target.redis->tls);
  EXPECT_EQ(target.write.mode, Write::Mode::kOverwrite);
  EXPECT_EQ(target.write.ttl, std::chrono::hours(1));
  EXPECT_EQ(target.write.ttl_jitter_percent, 10);
  EXPECT_FALSE(target.in_memory);
  EXPECT_TRUE(policy->spec.targets[1].redis->tls->insecure_skip_verify);

  const Execution& execution = policy->spec.execution;
  EXPECT_EQ(execution.mode, Execution::Mode::kPods);
  EXPECT_EQ(execution.ttl_after_finished, Millis(0));
  EXPECT_EQ(execution.history_limit.successful, 0);
  EXPECT_EQ(execution.workers.resources.limits.at("cpu"), "1");
  EXPECT_EQ(execution.workers.resources.requests.at("memory"), "64Mi");
  EXPECT_EQ(execution.workers.node_selector.at("kubernetes.io/os"), "linux");
  EXPECT_EQ(execution.workers.tolerations.at(0).at("key"), "dedicated");
  EXPECT_EQ(execution.workers.priority_class_name, "low");
  EXPECT_EQ(execution.workers.labels.at("team"), "shop");
  EXPECT_EQ(execution.workers.annotations.at("example.com/note"), "yes");
  EXPECT_TRUE(policy->spec.suspend);
  EXPECT_FALSE(policy->spec.trigger_on_change);
  ASSERT_EQ(policy->spec.rollouts.size(), 2U);
  EXPECT_EQ(policy->spec.rollouts[1].kind, "Deployment");
  EXPECT_EQ(policy->spec.rollouts[1].name, "api");
  EXPECT_EQ(policy->spec.min_warmed_percent, 100);
  EXPECT_EQ(policy->spec.verification_sample_percent, 0.5);
}

TEST(ToWarmingPolicy, TakesAPlainNumberOfBytes) {
  const auto policy = ToWarmingPolicy(FromCorpus("quantity-as-a-number.yaml"));
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->spec.origins[0].http->max_body_bytes, 1048576);
}

TEST(ToWarmingPolicy, RefusesAKeyPatternThatIsNone) {
  json object = Defaulted(SamplePolicy());
  object["spec"]["sources"][0]["keyPattern"] = "^(a";
  const auto policy = ToWarmingPolicy(object);
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().message,
            "spec.sources[0].keyPattern: is no regular expression of RE2: missing ): ^(a");
}

TEST(ToWarmingPolicy, KeepsTheSpecAsJsonAndTheStatus) {
  json object = Defaulted(SamplePolicy());
  object["status"] = {{"lastHandledRequest", "x"}};
  const auto policy = ToWarmingPolicy(object);
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->spec_json, object["spec"]);
  EXPECT_EQ(policy->status["lastHandledRequest"], "x");
}

TEST(ToWarmingPolicySpec, NamesTheFieldThatCannotBeRead) {
  json spec = Defaulted(SamplePolicy())["spec"];
  spec["targets"][0]["write"]["ttl"] = "1 week";
  EXPECT_THAT(ToWarmingPolicySpec(spec).error().message,
              HasSubstr("spec.targets[0].write.ttl: \"1 week\" is not a duration"));
}

TEST(ToWarmingPolicySpec, RefusesWhatWentRoundTheSchema) {
  for (const char* text : {"null", "[]", "{\"sources\": 1}", "{\"sources\": [{}]}",
                           "{\"origins\": [{\"name\": 1}]}", "{\"pacing\": {\"burst\": \"x\"}}"}) {
    EXPECT_FALSE(ToWarmingPolicySpec(json::parse(text))) << text;
  }
}

TEST(ToPrewarmSchedule, ReadsEveryField) {
  const auto schedule = ToPrewarmSchedule(FromCorpus("schedule-every-field.yaml"));
  ASSERT_TRUE(schedule) << schedule.error().message;
  EXPECT_EQ(schedule->spec.policy_name, "pages");
  EXPECT_EQ(schedule->spec.schedule, "*/15 8-18 1,15 JAN-MAR,oct MON-FRI");
  EXPECT_EQ(schedule->spec.time_zone, "America/Argentina/Buenos_Aires");
  EXPECT_EQ(schedule->spec.starting_deadline_seconds, 300);
  EXPECT_TRUE(schedule->spec.suspend);
  EXPECT_FALSE(ToPrewarmSchedule(json::object()));
}

TEST(ToObjectMeta, ReadsWhatIsThereAndSkipsTheRest) {
  const ObjectMeta meta =
      ToObjectMeta(json::parse(R"({"metadata": {"name": "a", "namespace": "b", "uid": "c",
      "resourceVersion": "9", "generation": 4, "creationTimestamp": "2026-11-27T06:00:00Z", "deletionTimestamp": null,
      "labels": {"x": "y", "odd": 1}, "annotations": 5}})"));
  EXPECT_EQ(meta.name, "a");
  EXPECT_EQ(meta.namespace_, "b");
  EXPECT_EQ(meta.uid, "c");
  EXPECT_EQ(meta.resource_version, "9");
  EXPECT_EQ(meta.generation, 4);
  EXPECT_EQ(FormatTime(meta.creation_timestamp.value()), "2026-11-27T06:00:00Z");
  EXPECT_FALSE(meta.deletion_timestamp);
  EXPECT_EQ(meta.labels.size(), 1U);
  EXPECT_TRUE(meta.annotations.empty());
  EXPECT_EQ(ToObjectMeta("text").name, "");
}

TEST(ToWarmingPolicy, ReadsAStatusThatIsNoneAsEmpty) {
  for (const json& status : {json(nullptr), json("text"), json::array()}) {
    json object = Defaulted(SamplePolicy());
    object["status"] = status;
    const Result<WarmingPolicy> policy = ToWarmingPolicy(object);
    ASSERT_TRUE(policy) << policy.error().message;
    EXPECT_EQ(policy->status, json::object());
  }
}

}  // namespace
}  // namespace stoker::api
