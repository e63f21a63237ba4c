#include "controller/kube/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/kube/config.h"
#include "tests/integration/kube/shared_server.h"

namespace stoker::kube {
namespace {

using stoker::testing::AdminTransport;
using stoker::testing::SharedServer;
using stoker::testing::WaitFor;

TEST(EventsTest, RepeatsBecomeOneEventWithASeries) {
  const std::string ns = SharedServer().MakeNamespace();
  Client client(AdminTransport());
  auto object = client.Create(kConfigMaps, ns, {{"metadata", {{"name", "thing"}}}});
  ASSERT_TRUE(object);

  EventRecorder recorder(client, "stoker-0");
  for (int i = 0; i < 3; ++i) {
    recorder.Record(*object, EventType::kWarning, "OriginDown", "Warm",
                    "the origin refuses connections");
  }
  recorder.Record(*object, EventType::kNormal, "Warmed", "Warm", "10 of 10 entries");
  recorder.Stop();

  ListOptions about;
  about.field_selector = "regarding.name=thing";
  auto events = client.List(kEvents, ns, about);
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(events->items.size(), 2u);
  for (const auto& event : events->items) {
    EXPECT_EQ(event["regarding"]["uid"], (*object)["metadata"]["uid"]);
    EXPECT_EQ(event["reportingInstance"], "stoker-0");
    if (event["reason"] == "OriginDown") {
      EXPECT_EQ(event["type"], "Warning");
      EXPECT_EQ(event["series"]["count"], 3);
    } else {
      EXPECT_EQ(event["note"], "10 of 10 entries");
    }
  }
}

TEST(EventsTest, StopIsBoundedWhenTheApiServerIsDown) {
  Config config;
  config.server = "https://127.0.0.1:" + std::to_string(stoker::testing::FreePort());
  auto transport = MakeTransport(config);
  ASSERT_TRUE(transport);
  Client client(*transport);
  EventRecorder recorder(client, "stoker-0");
  for (int i = 0; i < 100; ++i) {
    recorder.Record({{"kind", "Job"}, {"metadata", {{"name", "run"}}}}, EventType::kNormal,
                    "R" + std::to_string(i), "A", "m");
  }
  const auto began = std::chrono::steady_clock::now();
  recorder.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
}

}  // namespace
}  // namespace stoker::kube
