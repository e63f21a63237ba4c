#include "controller/reconcile/rollouts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using samples::At;
using samples::Noon;

constexpr char kEleven[] = "2026-11-27T11:00:00Z";
constexpr char kHalfPast[] = "2026-11-27T11:30:00Z";

json RolloutPod(const char* started, bool ready = true) {
  return {{"metadata", {{"name", "api-1"}}},
          {"status",
           {{"phase", "Running"},
            {"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}},
            {"containerStatuses", {{{"state", {{"running", {{"startedAt", started}}}}}}}}}}};
}

json RolledOut(int replicas = 2) {
  return {{"metadata", {{"generation", 3}}},
          {"spec", {{"replicas", replicas}}},
          {"status",
           {{"observedGeneration", 3},
            {"readyReplicas", replicas},
            {"updatedReplicas", replicas},
            {"numberReady", replicas},
            {"desiredNumberScheduled", replicas}}}};
}

Workload Read(const char* kind, const json& object, const std::vector<json>& pods) {
  return ReadWorkload({kind, "api"}, object, pods);
}

TEST(Rollouts, TheLatestStartOfAContainerIsTheWorkloads) {
  for (const char* kind : {"Deployment", "StatefulSet", "DaemonSet"}) {
    const Workload read =
        Read(kind, RolledOut(), {RolloutPod(kEleven), RolloutPod(kHalfPast), RolloutPod(kEleven)});
    EXPECT_TRUE(read.settled) << kind;
    EXPECT_EQ(read.last_start, At(kHalfPast)) << kind;
  }
}

TEST(Rollouts, NothingIsSettledBeforeAllPodsAreNewAndReady) {
  const std::vector<json> pods = {RolloutPod(kEleven), RolloutPod(kHalfPast)};
  const auto with = [](const char* member, int value) {
    json object = RolledOut();
    object["status"][member] = value;
    return object;
  };
  EXPECT_FALSE(Read("Deployment", with("observedGeneration", 2), pods).settled);
  EXPECT_FALSE(Read("Deployment", with("readyReplicas", 1), pods).settled);
  EXPECT_FALSE(Read("Deployment", with("updatedReplicas", 1), pods).settled);
  EXPECT_TRUE(Read("StatefulSet", with("updatedReplicas", 1), pods).settled) << "a partition";
  EXPECT_FALSE(Read("DaemonSet", with("numberReady", 1), pods).settled);
  EXPECT_FALSE(Read("Deployment", RolledOut(0), {}).settled) << "nobody to warm for";
  EXPECT_FALSE(Read("Deployment", RolledOut(), {pods[0], RolloutPod(kHalfPast, false)}).settled);
  json leaving = pods[0];
  leaving["metadata"]["deletionTimestamp"] = kHalfPast;
  EXPECT_FALSE(Read("Deployment", RolledOut(), {leaving, pods[1]}).settled);
  json evicted = RolloutPod(kEleven, false);
  evicted["status"]["phase"] = "Failed";
  EXPECT_TRUE(Read("Deployment", RolledOut(), {evicted, pods[1]}).settled);
}

TEST(Rollouts, WhatRunsAtFirstSightIsAnsweredAndLaterStartsAreNot) {
  json status = json::object();
  Workload api{.kind = "Deployment", .name = "api", .settled = true, .last_start = At(kEleven)};
  EXPECT_FALSE(Replaced(status, {api}));
  WriteRollouts(status, {api}, false, Noon());
  EXPECT_EQ(status["rollouts"][0]["lastStart"], kEleven);
  EXPECT_FALSE(Replaced(status, {api}));

  api.last_start = At(kHalfPast);
  api.settled = false;
  EXPECT_FALSE(Replaced(status, {api})) << "halfway through its rollout";
  api.settled = true;
  ASSERT_TRUE(Replaced(status, {api}));
  WriteRollouts(status, {api}, false, Noon());
  EXPECT_TRUE(Replaced(status, {api})) << "seen, but no run began";
  WriteRollouts(status, {api}, true, Noon());
  EXPECT_FALSE(Replaced(status, {api}));
  api.last_start = At(kEleven);
  EXPECT_FALSE(Replaced(status, {api})) << "pods were taken away";
}

TEST(Rollouts, AWorkloadThatCannotBeReadIsToldAndForgetsNothing) {
  json status = json::object();
  const Workload there{
      .kind = "StatefulSet", .name = "cache", .settled = true, .last_start = At(kEleven)};
  WriteRollouts(status, {there}, true, Noon());
  const Workload gone{.kind = "StatefulSet", .name = "cache", .problem = "is gone"};
  WriteRollouts(status, {gone}, true, Noon());
  EXPECT_EQ(status["rollouts"], json::parse(R"([{"kind": "StatefulSet", "name": "cache",
      "message": "is gone", "lastStart": "2026-11-27T11:00:00Z"}])"));
  EXPECT_EQ(RolloutProblem(status, gone), "is gone");
  Workload anew = there;
  anew.last_start = At(kHalfPast);
  EXPECT_TRUE(Replaced(status, {anew})) << "made anew";
  WriteRollouts(status, {}, false, Noon());
  EXPECT_FALSE(status.contains("rollouts"));
}

TEST(Rollouts, SelectorsAreWrittenAsQueriesTakeThem) {
  const json selector = json::parse(R"({"matchLabels": {"app": "api"}, "matchExpressions": [
      {"key": "tier", "operator": "In", "values": ["a", "b"]},
      {"key": "env", "operator": "NotIn", "values": ["test"]},
      {"key": "x", "operator": "Exists"}, {"key": "y", "operator": "DoesNotExist"}]})");
  EXPECT_EQ(*SelectorText(selector), "app=api,tier in (a,b),env notin (test),x,!y");
  EXPECT_FALSE(SelectorText(json::object())) << "selects every pod";
  EXPECT_FALSE(
      SelectorText(json::parse(R"({"matchExpressions": [{"key": "a", "operator": "Gt"}]})")));
}

}  // namespace
}  // namespace stoker::reconcile
