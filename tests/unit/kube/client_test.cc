#include "controller/kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/kube/calls.h"
#include "controller/kube/event_series.h"
#include "controller/kube/lease.h"
#include "controller/kube/transport_error.h"
#include "tests/unit/kube/scripted_transport.h"

namespace stoker::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ClientScriptTest : public ::testing::Test {
 protected:
  std::shared_ptr<ScriptedTransport> transport_ = std::make_shared<ScriptedTransport>();
  Client client_{transport_};
};

TEST(ResourceTest, PathsAndVersions) {
  EXPECT_EQ(kPods.Path("shop", "web-0", "status"), "/api/v1/namespaces/shop/pods/web-0/status");
  EXPECT_EQ(kJobs.Path(""), "/apis/batch/v1/jobs");
  EXPECT_EQ(kNamespaces.Path("ignored", "shop"), "/api/v1/namespaces/shop");
  EXPECT_EQ(kLeases.ApiVersion(), "coordination.k8s.io/v1");
  EXPECT_EQ(kPods.Path("shop", "../x?y"), "/api/v1/namespaces/shop/pods/..%2Fx%3Fy");
}

TEST_F(ClientScriptTest, StatusCodesBecomeCodesWithTheServersSentence) {
  const struct {
    int status;
    const char* reason;
    Code code;
  } cases[] = {{400, "BadRequest", Code::kInvalid},
               {422, "Invalid", Code::kInvalid},
               {401, "Unauthorized", Code::kPermission},
               {403, "Forbidden", Code::kPermission},
               {404, "NotFound", Code::kNotFound},
               {409, "Conflict", Code::kConflict},
               {409, "AlreadyExists", Code::kAlreadyExists},
               {410, "Expired", Code::kExpired},
               {408, "", Code::kTimeout},
               {504, "Timeout", Code::kTimeout},
               {429, "", Code::kUnavailable},
               {500, "", Code::kUnavailable},
               {503, "", Code::kUnavailable},
               {302, "", Code::kInternal}};
  for (const auto& c : cases) {
    transport_->Answer(
        c.status,
        nlohmann::json{{"kind", "Status"}, {"reason", c.reason}, {"message", "because"}}.dump());
    const auto got = client_.Get(kPods, "ns", "p");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, c.code) << c.status;
    if (c.status != 401) {
      EXPECT_EQ(got.error().message, "because");
    }
  }
  transport_->Answer(502, "<html>");
  EXPECT_THAT(client_.Get(kPods, "ns", "p").error().message, HasSubstr("502"));
  transport_->Answer(200, "<html>");
  EXPECT_EQ(client_.Get(kPods, "ns", "p").error().code, Code::kInternal);
}

TEST_F(ClientScriptTest, AForbiddenCreateInATerminatingNamespaceIsNoQuestionOfRights) {
  const nlohmann::json cause = {{"reason", "NamespaceTerminating"},
                                {"field", "metadata.namespace"}};
  transport_->Answer(403, nlohmann::json{{"kind", "Status"},
                                         {"reason", "Forbidden"},
                                         {"message", "because"},
                                         {"details", {{"causes", {cause}}}}}
                              .dump());
  const auto made = client_.Create(kConfigMaps, "ns", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kExpired);
  EXPECT_EQ(made.error().message, "because");
}

TEST_F(ClientScriptTest, RetryAfterIsObeyedOnceWithinTheDeadline) {
  transport_->Answer(429, "{}", {{"retry-after", "0"}});
  transport_->Answer(200, "{}");
  EXPECT_TRUE(client_.Get(kPods, "ns", "p"));
  transport_->Answer(429, "{}", {{"retry-after", "0"}});
  transport_->Answer(429, "{}", {{"retry-after", "0"}});
  EXPECT_EQ(client_.Get(kPods, "ns", "p").error().code, Code::kUnavailable);
  transport_->Answer(503, "{}", {{"retry-after", "3600"}});
  EXPECT_EQ(client_.Get(kPods, "ns", "p").error().code, Code::kUnavailable);
  EXPECT_EQ(transport_->requests().size(), 5u);
}

TEST_F(ClientScriptTest, BytesThatAreNoUtf8DoNotKeepAnObjectFromBeingWritten) {
  const nlohmann::json object = {{"status", {{"sampleKey", "caf\xE9"}}}};
  for (int i = 0; i < 3; ++i) transport_->Answer(200, "{}");
  EXPECT_TRUE(client_.Create(kPods, "ns", object));
  EXPECT_TRUE(client_.Replace(kPods, "ns", "p", object));
  EXPECT_TRUE(client_.Patch(kPods, "ns", "p", PatchType::kMerge, object));
  for (const HttpRequest& request : transport_->requests()) {
    EXPECT_THAT(request.body, HasSubstr("caf\xEF\xBF\xBD")) << request.method;
  }
}

TEST_F(ClientScriptTest, WithoutTheLeaseNothingIsWrittenAndAllCanBeRead) {
  Client deposed(transport_, [] { return false; });
  EXPECT_EQ(deposed.Create(kPods, "ns", {}).error().code, Code::kCancelled);
  EXPECT_EQ(deposed.Delete(kPods, "ns", "p").error().code, Code::kCancelled);
  transport_->Answer(200, "{}");
  EXPECT_TRUE(deposed.Get(kPods, "ns", "p"));
  EXPECT_EQ(transport_->requests().size(), 1u);
}

TEST_F(ClientScriptTest, AWriteThatWasToldToWaitIsNotRepeatedOnceTheLeaseIsLost) {
  Client fenced(transport_, [this] { return transport_->requests().empty(); });
  transport_->Answer(429, "{}", {{"retry-after", "0"}});
  transport_->Answer(200, "{}");
  const auto written = fenced.Create(kPods, "ns", {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kCancelled);
  EXPECT_THAT(written.error().message, HasSubstr("lease"));
  EXPECT_EQ(transport_->requests().size(), 1u);
}

TEST_F(ClientScriptTest, PatchesSayWhatTheyAre) {
  for (int i = 0; i < 3; ++i) transport_->Answer(200, "{}");
  ASSERT_TRUE(client_.Patch(kPods, "ns", "p", PatchType::kApply, {{"a", 1}}, "status", true));
  ASSERT_TRUE(client_.Patch(kPods, "ns", "p", PatchType::kMerge, {{"a", 1}}));
  ASSERT_TRUE(client_.Patch(kPods, "ns", "p", PatchType::kJson, nlohmann::json::array()));
  const auto requests = transport_->requests();
  EXPECT_EQ(requests[0].path, "/api/v1/namespaces/ns/pods/p/status?fieldManager=stoker&force=true");
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/apply-patch+yaml");
  EXPECT_EQ(requests[1].headers.at("content-type"), "application/merge-patch+json");
  EXPECT_EQ(requests[2].headers.at("content-type"), "application/json-patch+json");
}

TEST_F(ClientScriptTest, APageThatExpiredStartsTheListOver) {
  transport_->Answer(200, R"({"metadata":{"resourceVersion":"1","continue":"c"},"items":[{}]})");
  transport_->Answer(410, R"({"kind":"Status","reason":"Expired","message":"x"})");
  transport_->Answer(200, R"({"metadata":{"resourceVersion":"2"},"items":[{},{}]})");
  const auto listed = client_.List(kPods, "ns");
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->items.size(), 2u);
  EXPECT_EQ(listed->resource_version, "2");
  EXPECT_THAT(transport_->requests()[2].path, Not(HasSubstr("limit")));
}

TEST_F(ClientScriptTest, AFencedClientSendsNoWrite) {
  Client fenced(transport_, [] { return false; });
  EXPECT_EQ(fenced.Create(kPods, "ns", {}).error().code, Code::kCancelled);
  EXPECT_EQ(fenced.Delete(kPods, "ns", "p").error().code, Code::kCancelled);
  EXPECT_EQ(fenced.Patch(kPods, "ns", "p", PatchType::kMerge, {}).error().code, Code::kCancelled);
  EXPECT_EQ(fenced.Replace(kPods, "ns", "p", {}).error().code, Code::kCancelled);
  EXPECT_TRUE(transport_->requests().empty());
}

TEST(TransportErrorTest, SaysWhatHappened) {
  constexpr long kTls = 20L << 23;  // OpenSSL's library number of SSL
  const struct {
    const char* what;
    long code;
    Code expected;
    const char* says;
  } cases[] = {
      {"Failed to read HTTP status line", 110, Code::kTimeout, "in time"},
      {"Failed to read HTTP status line", 104, Code::kUnavailable, "reset"},
      {"Error resolving address", 1, Code::kUnavailable, "resolved"},
      {"Failed to connect to any resolved endpoint", 113, Code::kUnavailable, "refused"},
      {"Error in SSL handshake", kTls | 134, Code::kPermission, "not trusted"},
      {"Error in SSL handshake", kTls | 267, Code::kUnavailable, "TLS"},
      {"Error in SSL handshake", 1, Code::kUnavailable, "TLS handshake"},
      {"Failed to read HTTP status line", kTls | 1116, Code::kPermission, "client certificate"},
      {"Request canceled by user.", 125, Code::kCancelled, "cancelled"},
  };
  for (const auto& c : cases) {
    const Error error = ClassifyTransportError("h:6443", c.what, c.code);
    EXPECT_EQ(error.code, c.expected) << c.what << " " << c.code;
    EXPECT_THAT(error.message, HasSubstr(c.says));
  }
}

TEST(LeaseTest, ExpiresByOurClockAndOnlyWhenNothingChanged) {
  FakeClock clock{WallTime{}};
  LeaseView view;
  EXPECT_TRUE(view.Free("me", clock.Steady())) << "not there";
  view.Observe({"other", Millis(15'000), 3, "1"}, clock.Steady());
  clock.Advance(std::chrono::seconds(14));
  view.Observe({"other", Millis(15'000), 3, "1"}, clock.Steady());  // read again, not renewed
  EXPECT_FALSE(view.Free("me", clock.Steady()));
  clock.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(view.Free("me", clock.Steady()));
  view.Observe({"other", Millis(15'000), 3, "2"}, clock.Steady());
  EXPECT_FALSE(view.Free("me", clock.Steady())) << "renewed";
  EXPECT_TRUE(view.Free("other", clock.Steady())) << "an earlier life of this replica";
  view.Observe({"", Millis(1'000), 3, "3"}, clock.Steady());
  EXPECT_TRUE(view.Free("me", clock.Steady())) << "released";
}

TEST(LeaseTest, TransitionsGoOnAfterTheLeaseWasDeleted) {
  LeaseView view;
  view.Observe({"other", Millis(15'000), 7, "1"}, SteadyTime{});
  view.ObserveAbsent();
  EXPECT_EQ(view.record().transitions, 7);
}

TEST(LeaseTest, TheNextLeaderCountsOnFromWhateverIsKnown) {
  const LeaseRecord seen{"", Millis(0), 7, "1"};
  EXPECT_EQ(NextTransitions({}, 0, 0), 1) << "nobody ever led";
  EXPECT_EQ(NextTransitions(seen, 3, 5), 8);
  EXPECT_EQ(NextTransitions(seen, 9, 5), 10) << "our own earlier term";
  EXPECT_EQ(NextTransitions({}, 0, 12), 13) << "the lease is gone, its leaders' work is not";
}

TEST(EventSeriesTest, RepeatsWithinTenMinutesCountUp) {
  FakeClock clock{WallTime{}};
  EventSeries series;
  using Action = EventDecision::Action;
  EXPECT_EQ(series.Decide("o", "k", clock.Steady()).action, Action::kCreate);
  series.Created("k", "o.1");
  clock.Advance(std::chrono::minutes(9));
  const auto second = series.Decide("o", "k", clock.Steady());
  EXPECT_EQ(second.action, Action::kUpdateSeries);
  EXPECT_EQ(second.name, "o.1");
  EXPECT_EQ(second.count, 2);
  clock.Advance(std::chrono::minutes(11));
  EXPECT_EQ(series.Decide("o", "k", clock.Steady()).action, Action::kCreate);
}

TEST(EventSeriesTest, AFloodIsCutAtTheBucketAndOnlyForThatObject) {
  FakeClock clock{WallTime{}};
  EventSeries series;
  int sent = 0;
  for (int i = 0; i < 100; ++i) {
    sent += series.Decide("loud", std::to_string(i), clock.Steady()).action !=
            EventDecision::Action::kDrop;
  }
  EXPECT_EQ(sent, 25);
  EXPECT_EQ(series.dropped(), 75u);
  EXPECT_EQ(series.Decide("quiet", "k", clock.Steady()).action, EventDecision::Action::kCreate);
  clock.Advance(std::chrono::seconds(5));
  EXPECT_EQ(series.Decide("loud", "x", clock.Steady()).action, EventDecision::Action::kCreate);
  EXPECT_EQ(series.Decide("loud", "y", clock.Steady()).action, EventDecision::Action::kDrop);
}

TEST(EventSeriesTest, WhatIsRememberedIsCapped) {
  FakeClock clock{WallTime{}};
  EventSeries series(10);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(series.Decide(std::to_string(i), std::to_string(i), clock.Steady()).action,
              EventDecision::Action::kCreate);
  }
}

}  // namespace
}  // namespace stoker::kube
