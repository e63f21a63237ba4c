// What a change at the server makes a term look at.

#include "controller/reconcile/term.h"

#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
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
  Desk desk(api, SystemClock());
  TermOptions options;
  options.recheck = Millis(3'600'000);
  Term term(desk.client(), desk.context().events, desk.views(), std::move(options));
  term.Start();
  const auto looks = [&] {
    return std::ranges::count(api->requests(), std::string("GET ") + paths::kSecrets + "token");
  };
  ASSERT_TRUE(WaitFor([&] { return looks() == 1; }));
  term.OnPolicyChanged(std::make_shared<const json>(before), std::make_shared<const json>(after));
  EXPECT_TRUE(WaitFor([&] { return looks() == 2; }));
  term.Stop(false);
}

}  // namespace
}  // namespace stoker::reconcile
