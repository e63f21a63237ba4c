// What a policy says when something that its run needs is down, full or wrong - and that whatever
// goes wrong for one policy, no credential shows and the controller looks after the others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/reconcile/cluster.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kPoll{500};
constexpr int kEntries = 200;
constexpr char kRightPassword[] = "s3cr3t-right";
constexpr char kWrongPassword[] = "s3cr3t-wrong";
constexpr char kToken[] = "s3cr3t-token";
constexpr char kLocations[] = "location / { return 200 value; }";

struct Fault {
  std::string name;
  std::function<void(json& spec)> cause;
  std::string reason;   // of lastRun
  std::string names;    // the thing that is wrong, as the message calls it
  std::string waiting;  // reason of the event sent while the run waits; empty: it ends at once
};

// Everything that may be wrong, at once, each on a server of its own.
class FaultTest : public ::testing::Test {
 protected:
  FaultTest() { (void)replica_.Cli({"REPLICAOF", "127.0.0.1", "1"}); }

  void TearDown() override {
    if (HasFailure()) std::cerr << controller_.process().Output() << "\n";
  }

  static std::function<void(json&)> Origin(const std::string& url) {
    return [url](json& spec) { spec["origins"][0]["http"]["url"] = url; };
  }
  static std::function<void(json&)> Redis(const json& redis) {
    return [redis](json& spec) { spec["targets"][0]["redis"] = redis; };
  }
  [[nodiscard]] std::vector<Fault> Faults() const {
    const std::string nobody = "127.0.0.1:" + std::to_string(FreePort());
    const std::string nowhere = "no-such-host.invalid";
    const json secret = {{"name", "redis-auth"}};
    return {
        {"origin-down", Origin("http://" + nobody + "/{key}"), "OriginUnavailable", nobody,
         "OriginUnavailable"},
        {"origin-without-dns", Origin("http://" + nowhere + "/{key}"), "OriginUnavailable", nowhere,
         "OriginUnavailable"},
        {"origin-not-trusted", Origin("https://" + tls_origin_.address() + "/{key}"),
         "OriginUnavailable", tls_origin_.address() + ": certificate not trusted", ""},
        {"redis-down", Redis({{"address", nobody}}), "TargetUnavailable", nobody,
         "TargetUnavailable"},
        {"redis-without-dns", Redis({{"address", nowhere + ":6379"}}), "TargetUnavailable", nowhere,
         "TargetUnavailable"},
        {"redis-not-trusted", Redis({{"address", tls_redis_.address()}, {"tls", json::object()}}),
         "TargetTLSNotTrusted", tls_redis_.address() + ": certificate not trusted", ""},
        {"redis-full", Redis({{"address", full_.address()}}), "TargetOutOfMemory", full_.address(),
         ""},
        {"redis-read-only", Redis({{"address", replica_.address()}}), "TargetReadOnly",
         replica_.address(), ""},
        {"wrong-password",
         Redis({{"address", locked_.address()}, {"credentialsSecretRef", secret}}), "TargetAuth",
         locked_.address(), ""},
    };
  }
  void ApplySecrets() const {
    Cluster().MustKubectl({"-n", shop_.ns(), "create", "secret", "generic", "redis-auth",
                           std::string("--from-literal=password=") + kWrongPassword});
    Cluster().MustKubectl({"-n", shop_.ns(), "create", "secret", "generic", "token",
                           std::string("--from-literal=X-Token=") + kToken});
  }
  [[nodiscard]] json Policy(const Fault& fault) const {
    json policy = shop_.Policy(fault.name, kEntries);
    policy["spec"]["execution"] = {{"mode", "InProcess"},
                                   {"deadline", fault.waiting.empty() ? "10m" : "8s"}};
    policy["spec"]["origins"][0]["http"]["headersSecretRef"] = {{"name", "token"}};
    fault.cause(policy["spec"]);
    return policy;
  }
  // Everything of the namespace that users can see without reading Secrets.
  [[nodiscard]] std::string Visible(const std::string& kinds) const {
    return Cluster().MustKubectl({"-n", shop_.ns(), "get", kinds, "-o", "json"});
  }
  // Messages of the events about this policy, "reason: note" each.
  [[nodiscard]] std::string EventsOf(const std::string& policy) const {
    std::string found;
    const json events = json::parse(Visible("events.events.k8s.io"));
    for (const json& event : events["items"]) {
      if (event["regarding"]["name"] != policy) continue;
      found += event["reason"].get<std::string>() + ": " + event["note"].get<std::string>() + "\n";
    }
    return found;
  }

  TempDir dir_;
  TestCertificates certs_ = MakeCertificates(dir_, "IP:127.0.0.1");
  Shop shop_{kLocations};
  NginxServer tls_origin_{
      kLocations, "ssl",
      "ssl_certificate " + certs_.cert_file + "; ssl_certificate_key " + certs_.key_file + ";"};
  RedisServer locked_{{std::string("requirepass ") + kRightPassword}};
  RedisServer full_{{"maxmemory 1"}};
  RedisServer replica_;
  RedisServer tls_redis_{{"tls-port 0", "tls-cert-file " + certs_.cert_file,
                          "tls-key-file " + certs_.key_file, "tls-ca-cert-file " + certs_.ca_file,
                          "tls-auth-clients no"}};
  ControllerProcess controller_{"faults", {"--in-process-runs=16"}};
};

TEST_F(FaultTest, EachIsSaidInStatusAndEventsAndLeaksNothing) {
  ApplySecrets();
  const std::vector<Fault> faults = Faults();
  for (const Fault& fault : faults)
    shop_.Apply(Policy(fault));  // all at once: most time is waiting
  for (const Fault& fault : faults) {
    SCOPED_TRACE(fault.name);
    ASSERT_TRUE(
        WaitFor([&] { return shop_.Condition("wp", fault.name, "Warm") == "False/RunFailed"; },
                seconds(40), kPoll))
        << shop_.Get("wp", fault.name).dump(2);
    const json policy = shop_.Get("wp", fault.name);
    const json& last = policy["status"]["lastRun"];
    EXPECT_EQ(last["result"], "Failed");
    EXPECT_EQ(last["reason"], fault.reason) << last;
    EXPECT_THAT(last["message"].get<std::string>(), HasSubstr(fault.names));
    EXPECT_EQ(last["warmed"], 0);
    EXPECT_EQ(shop_.Condition("wp", fault.name, "Ready"), "True/Accepted");
    EXPECT_EQ(shop_.Condition("job", last["name"], "Failed"), "True/" + fault.reason);
    EXPECT_TRUE(
        WaitFor([&] { return EventsOf(fault.name).find("RunFailed: ") != std::string::npos; },
                seconds(10), kPoll));
    const std::string events = EventsOf(fault.name);
    EXPECT_THAT(events, HasSubstr(fault.names));
    if (!fault.waiting.empty()) EXPECT_THAT(events, HasSubstr(fault.waiting + ": ")) << events;
  }
  const std::string seen =
      Visible("wp,jobs,configmaps,events.events.k8s.io") + controller_.process().Output();
  for (const char* secret : {kRightPassword, kWrongPassword, kToken}) {
    EXPECT_THAT(seen, Not(HasSubstr(secret)));
  }
  EXPECT_TRUE(controller_.Healthy());
  shop_.Apply(shop_.Policy("good", 10));
  EXPECT_TRUE(WaitFor([&] { return shop_.Condition("wp", "good", "Warm") == "True/Warmed"; },
                      seconds(20), kPoll));
}

TEST_F(FaultTest, ARunWaitsForWhatComesBack) {
  shop_.redis().Kill();
  shop_.Apply(shop_.Policy("pages", kEntries));
  ASSERT_TRUE(
      WaitFor([&] { return EventsOf("pages").find("TargetUnavailable: ") != std::string::npos; },
              seconds(20), kPoll));
  EXPECT_EQ(shop_.Condition("wp", "pages", "Warm"), "False/Running");
  shop_.redis().Start();
  EXPECT_TRUE(WaitFor([&] { return shop_.Condition("wp", "pages", "Warm") == "True/Warmed"; },
                      seconds(20), kPoll));
  EXPECT_EQ(shop_.Keys(), kEntries);
}

}  // namespace
}  // namespace stoker::testing
