// What stoker run says, and how it ends, when something that it needs is down, full or wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "tests/integration/cmd/program.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::LastLine;
using ::testing::Not;
using testing::SamplePolicy;
using testing::Stoker;

constexpr char kPassword[] = "right-word";
constexpr char kTroubleLocations[] = "location /v/ { return 200 \"value of $uri\"; }\n";
constexpr char kWithSecret[] = ", credentialsSecretRef: {name: redis-auth}";

// How a run in trouble goes on.
enum class Course {
  kWaits,  // what is down may come back: retried until the deadline, and said meanwhile
  kEnds,   // a retry is pointless: ends long before the deadline
};

struct Trouble {
  const char* name;
  std::string policy;
  Course course;
  std::string reason;
  std::string names;  // the thing that is wrong, as the message calls it
  std::string mend;   // what the message advises, or how it puts the trouble
};

// Everything that may be wrong, at once, each on a server of its own.
class StokerTroubleTest : public ::testing::Test {
 protected:
  StokerTroubleTest() { (void)replica_.Cli({"REPLICAOF", "127.0.0.1", "1"}); }

  std::vector<Trouble> Troubles() {
    const std::string origin = origin_.url("/v/{key}");
    const std::string nobody = "127.0.0.1:" + std::to_string(testing::FreePort());
    const std::string nowhere = "no-such-host.invalid";
    return {
        {"origin-down", SamplePolicy("http://" + nobody + "/v/{key}", redis_.address()),
         Course::kWaits, "OriginUnavailable", nobody, "refused the connection"},
        {"origin-without-dns", SamplePolicy("http://" + nowhere + "/v/{key}", redis_.address()),
         Course::kWaits, "OriginUnavailable", nowhere, nowhere},
        {"origin-not-trusted",
         SamplePolicy("https://" + tls_origin_.address() + "/v/{key}", redis_.address()),
         Course::kEnds, "OriginUnavailable", tls_origin_.address(), "certificate not trusted"},
        {"origin-not-tls",
         SamplePolicy("https://" + origin_.address() + "/v/{key}", redis_.address()), Course::kEnds,
         "OriginUnavailable", origin_.address(), "use http:// in the URL"},
        {"redis-not-tls", SamplePolicy(origin, redis_.address(), ", tls: {}"), Course::kEnds,
         "TargetTLSMismatch", redis_.address(), "remove tls"},
        {"redis-only-tls", SamplePolicy(origin, tls_redis_.address()), Course::kWaits,
         "TargetUnavailable", tls_redis_.address(), "if it speaks TLS there, set tls"},
        {"redis-down", SamplePolicy(origin, nobody), Course::kWaits, "TargetUnavailable", nobody,
         "refused the connection"},
        {"redis-without-dns", SamplePolicy(origin, nowhere + ":6379"), Course::kWaits,
         "TargetUnavailable", nowhere, nowhere},
        {"redis-not-trusted", SamplePolicy(origin, tls_redis_.address(), ", tls: {}"),
         Course::kEnds, "TargetTLSNotTrusted", tls_redis_.address(), "certificate not trusted"},
        {"redis-full", SamplePolicy(origin, full_.address()), Course::kEnds, "TargetOutOfMemory",
         full_.address(), "raise maxmemory"},
        {"redis-read-only", SamplePolicy(origin, replica_.address()), Course::kEnds,
         "TargetReadOnly", replica_.address(), "name the primary"},
        {"wrong-password", SamplePolicy(origin, locked_.address(), kWithSecret), Course::kEnds,
         "TargetAuth", locked_.address(),
         "check the user name and password in credentialsSecretRef"},
        {"no-password", SamplePolicy(origin, locked_.address()), Course::kEnds, "TargetAuth",
         locked_.address(), "set credentialsSecretRef"},
        {"needless-password", SamplePolicy(origin, redis_.address(), kWithSecret), Course::kEnds,
         "TargetAuth", redis_.address(), "drop credentialsSecretRef"},
        {"not-a-redis", SamplePolicy(origin, origin_.address()), Course::kEnds, "TargetRejected",
         origin_.address(), "does not speak the Redis protocol"},
    };
  }

  testing::TempDir dir_;
  testing::TestCertificates certs_ = testing::MakeCertificates(dir_, "IP:127.0.0.1");
  testing::NginxServer origin_{kTroubleLocations};
  testing::NginxServer tls_origin_{
      kTroubleLocations, "ssl",
      "ssl_certificate " + certs_.cert_file + "; ssl_certificate_key " + certs_.key_file + ";"};
  testing::RedisServer redis_;
  testing::RedisServer locked_{{std::string("requirepass ") + kPassword}};
  testing::RedisServer full_{{"maxmemory 1"}};
  testing::RedisServer replica_;
  testing::RedisServer tls_redis_{{"tls-port 0", "tls-cert-file " + certs_.cert_file,
                                   "tls-key-file " + certs_.key_file,
                                   "tls-ca-cert-file " + certs_.ca_file, "tls-auth-clients no"}};
};

// The reason for waiting, in whichever line of progress tells one.
std::string SaidMeanwhile(const std::string& output) {
  for (const std::string& line : testing::LinesOf(output)) {
    const json object = json::parse(line, nullptr, false);
    if (object.is_object() && object.contains("waiting")) return object["waiting"]["message"];
  }
  return "nothing";
}

TEST_F(StokerTroubleTest, EachEndsAsDesignedAndNamesWhatIsWrong) {
  const std::string secret =
      dir_.File("secret.yaml", testing::kSampleSecret);  // not the right password
  const std::vector<Trouble> troubles = Troubles();
  std::vector<std::unique_ptr<testing::Process>> runs;  // all at once: most of the time is waiting
  for (const Trouble& trouble : troubles) {
    const std::string name = trouble.name;
    const std::string deadline = trouble.course == Course::kWaits ? "6s" : "10m";
    runs.push_back(std::make_unique<testing::Process>(
        Stoker({"run", "-f", dir_.File(name + ".yaml", trouble.policy), "-f", secret, "--deadline",
                deadline, "-o", "json"}),
        dir_.path() + "/" + name + ".out"));
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Trouble& trouble = troubles[i];
    SCOPED_TRACE(trouble.name);
    EXPECT_EQ(runs[i]->Wait(std::chrono::seconds(60)), 1);
    const std::string output = runs[i]->Output();
    const json report = LastLine(output);
    ASSERT_EQ(report.value("type", ""), "report") << output;
    EXPECT_EQ(report["result"], "Failed");
    EXPECT_EQ(report["reason"], trouble.reason) << output;
    EXPECT_EQ(report["warmed"], 0);
    EXPECT_TRUE(testing::AddsUp(report)) << report;
    const std::string message = report["message"];
    EXPECT_THAT(message, HasSubstr(trouble.names));
    EXPECT_THAT(message, HasSubstr(trouble.mend));
    if (trouble.course == Course::kWaits) {
      EXPECT_THAT(message, HasSubstr("waited until the deadline"));
      EXPECT_THAT(SaidMeanwhile(output), HasSubstr(trouble.names)) << output;
    }
    EXPECT_THAT(output, Not(HasSubstr("s3cr3t-word")));
  }
}

TEST_F(StokerTroubleTest, ThePersonReadsTheSameSentence) {
  const std::string policy = dir_.File(
      "policy.yaml", SamplePolicy(origin_.url("/v/{key}"), locked_.address(), kWithSecret));
  const std::string secret = dir_.File("secret.yaml", testing::kSampleSecret);
  const testing::CommandResult wrong =
      testing::RunCommand(Stoker({"run", "-f", policy, "-f", secret}));
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.out, HasSubstr("TargetAuth: " + locked_.address() + " answered"));
  EXPECT_THAT(wrong.out + wrong.err, Not(HasSubstr("s3cr3t-word")));

  (void)dir_.File("auth/password", kPassword);
  const testing::CommandResult right = testing::RunCommand(
      Stoker({"run", "-f", policy, "--secret", "redis-auth=" + dir_.path() + "/auth"}));
  EXPECT_EQ(right.exit_code, 0) << right.out << right.err;
  EXPECT_THAT(right.out + right.err, Not(HasSubstr(kPassword)));
}

TEST_F(StokerTroubleTest, WhatComesBackIsWaitedFor) {
  redis_.Kill();
  const std::string policy =
      dir_.File("policy.yaml", SamplePolicy(origin_.url("/v/{key}"), redis_.address()));
  testing::Process run(Stoker({"run", "-f", policy, "-o", "json"}), dir_.path() + "/output");
  ASSERT_TRUE(testing::WaitFor([&] { return SaidMeanwhile(run.Output()) != "nothing"; }))
      << run.Output();
  redis_.Start();
  EXPECT_EQ(run.Wait(std::chrono::seconds(60)), 0) << run.Output();
  EXPECT_EQ(LastLine(run.Output())["warmed"], 200);
  EXPECT_EQ(redis_.Cli({"DBSIZE"}), "200");
}

}  // namespace
}  // namespace stoker
