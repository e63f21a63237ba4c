// What a change at the server makes a term look at.

#include "controller/reconcile/term.h"

#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_reconciler.h"
#include "controller/reconcile/policy_status.h"
#include "tests/unit/reconcile/desk.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using testing::WaitFor;

TEST(Term, APolicyThatASlotFoundNotReadyLooksForWhatItLacks) {
  auto api = std::make_shared<MemoryApi>();
  json spec = samples::Spec();
  spec["origins"][0]["http"]["headersSecretRef"] = {{"name", "token"}};
  const json before = samples::ReadyPolicy(spec);
  json after = before;
  SetCondition(after["status"], {kReady, "False", "SecretNotFound", "it is missing", 1},
               samples::Noon());
  after["metadata"]["resourceVersion"] = "8";
  api->Put(paths::kNamespace, ShopNamespace());
  api->Put(paths::kPolicy, after);
  for (int i = 0; i < 3; ++i) {  // until a look finds nothing to write
    Desk first(api, SystemClock());
    ASSERT_TRUE(PolicyReconciler(first.context()).Reconcile("shop/pages"));
  }
  after = api->At(paths::kPolicy);
  Desk desk(api, SystemClock());
  TermOptions options;
  options.recheck = Millis(30'000);  // as at the Desk, for status tells it
  Term term(desk.client(), desk.context().events, desk.views(), std::move(options));
  term.Start();
  const auto looks = [&] {
    return std::ranges::count(api->requests(), std::string("GET ") + paths::kSecrets + "token");
  };
  ASSERT_TRUE(WaitFor([&] { return looks() == 4; }));
  term.OnPolicyChanged(std::make_shared<const json>(before), std::make_shared<const json>(after));
  EXPECT_TRUE(WaitFor([&] { return looks() == 5; })) << looks() << " looks";
  term.Stop(false);
}

TEST(Term, AJobMadeAnewUnderTheSameNameEndsTheFormersDataPlane) {
  const auto api = std::make_shared<MemoryApi>();
  json spec = samples::Spec();
  const std::string nobody = "127.0.0.1:" + std::to_string(testing::FreePort());
  spec["origins"][0]["http"]["url"] = "http://" + nobody + "/{key}";
  spec["targets"][0]["redis"]["address"] = nobody;
  api->Put(paths::kNamespace, ShopNamespace());
  api->Put(paths::kPolicy, samples::ReadyPolicy(spec));
  {
    Desk desk(api, SystemClock());
    ASSERT_TRUE(PolicyReconciler(desk.context()).Reconcile("shop/pages"));
  }
  const std::string run = Text(api->At(paths::kPolicy), {"status", "activeRun", "name"});
  ASSERT_FALSE(run.empty());
  Desk desk(api, SystemClock());
  TermOptions options;
  options.executor.loops = 1;
  options.executor.checkpoint_every = Millis(20);
  Term term(desk.client(), desk.context().events, desk.views(), std::move(options));
  term.Start();
  const std::string ledger = "PUT " + (paths::kConfigMaps + CheckpointName(run));
  const auto writes = [&] { return std::ranges::count(api->requests(), ledger); };
  ASSERT_TRUE(WaitFor([&] { return writes() > 2; })) << "it runs, and keeps its ledger";
  const auto before = std::make_shared<json>(api->At(paths::kJobs + run));
  const auto after = std::make_shared<json>(*before);
  (*after)["metadata"]["uid"] = "another-uid";
  term.OnJobChanged(before, after);
  std::ptrdiff_t last = -1;
  EXPECT_TRUE(WaitFor([&] { return std::exchange(last, writes()) == last; },
                      std::chrono::seconds(10), std::chrono::milliseconds(400)));
  term.Stop(false);
}

}  // namespace
}  // namespace stoker::reconcile
