#include "controller/reconcile/references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/hash.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

api::WarmingPolicySpec FullSpec() {
  json spec = samples::Spec();
  spec["sources"] = {
      {{"name", "list"}, {"static", {{"configMapRef", {{"name", "keys"}, {"key", "k.txt"}}}}}}};
  spec["origins"][0]["http"]["url"] = "https://catalogue.shop/{key}";
  spec["origins"][0]["http"]["headersSecretRef"] = {{"name", "token"}};
  spec["origins"][0]["http"]["tls"] = {{"caSecretRef", {{"name", "ca"}, {"key", "ca.crt"}}}};
  spec["targets"][0]["redis"]["credentialsSecretRef"] = {{"name", "token"}};
  return api::ToWarmingPolicy(samples::Policy(spec))->spec;
}

struct Store {
  std::map<std::string, Contents> held;
  int reads = 0;
  ContentsReader Reader() {
    return [this](const std::string& name) -> Result<Contents> {
      ++reads;
      const auto it = held.find(name);
      if (it == held.end()) return NotFound(name + " not found");
      return it->second;
    };
  }
};

TEST(References, AreNamedByTheirFields) {
  std::vector<std::string> found;
  for (const Reference& r : References(FullSpec())) {
    found.push_back(r.field + "=" + r.name + "/" + r.key + (r.secret ? " S" : " C"));
  }
  EXPECT_THAT(found, ElementsAre("spec.sources[0].static.configMapRef=keys/k.txt C",
                                 "spec.origins[0].http.headersSecretRef=token/ S",
                                 "spec.origins[0].http.tls.caSecretRef=ca/ca.crt S",
                                 "spec.targets[0].redis.credentialsSecretRef=token/password S"));
  EXPECT_THAT(SecretNames(FullSpec()), ElementsAre("ca", "token"));
  EXPECT_THAT(ConfigMapNames(FullSpec()), ElementsAre("keys"));
}

TEST(References, OfCredentialsForOriginsAreNamedToo) {
  json spec = samples::Spec();
  json& http = spec["origins"][0]["http"];
  const auto found = [&](json auth) {
    http["auth"] = std::move(auth);
    std::string line;
    for (const Reference& r : References(api::ToWarmingPolicy(samples::Policy(spec))->spec)) {
      if (r.field.find("auth") != std::string::npos)
        line += r.field.substr(r.field.find("auth")) + "=" + r.name + "/" + r.key + " ";
    }
    return line;
  };
  EXPECT_EQ(found({{"bearerSecretRef", {{"name", "token"}, {"key", "value"}}}}),
            "auth.bearerSecretRef=token/value ");
  EXPECT_EQ(found({{"basicSecretRef", {{"name", "login"}}}}),
            "auth.basicSecretRef=login/username auth.basicSecretRef=login/password ");
  EXPECT_EQ(found({{"oauth2",
                    {{"tokenURL", "https://login.shop/token"},
                     {"clientSecretRef", {{"name", "client"}}},
                     {"caSecretRef", {{"name", "ca"}, {"key", "ca.crt"}}}}}}),
            "auth.oauth2.clientSecretRef=client/clientID "
            "auth.oauth2.clientSecretRef=client/clientSecret "
            "auth.oauth2.caSecretRef=ca/ca.crt ");
}

TEST(References, OfSourcesAreNamedToo) {
  json spec = samples::Spec();
  const json ref = {{"name", "database"}, {"key", "url"}};
  spec["sources"] = {
      {{"name", "rows"},
       {"sql",
        {{"connectionSecretRef", ref},
         {"query", "select 1 as id"},
         {"keyTemplate", "{id}"},
         {"caSecretRef", {{"name", "ca"}, {"key", "ca.crt"}}}}}},
      {{"name", "log"}, {"accessLog", {{"configMapRef", ref}}}},
      {{"name", "warm"},
       {"redis", {{"address", "warm.shop:6379"}, {"credentialsSecretRef", {{"name", "warm"}}}}}}};
  spec["origins"][0]["http"]["url"] = "https://catalogue.shop/{key}";
  const auto policy = api::ToWarmingPolicy(samples::Policy(spec));
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_THAT(SecretNames(policy->spec), ElementsAre("ca", "database", "warm"));
  EXPECT_THAT(ConfigMapNames(policy->spec), ElementsAre("database"));
}

TEST(References, EachNameIsReadOnce) {
  Store secrets{{{"ca", {{"ca.crt", "pem"}}}, {"token", {{"password", "s3cret"}}}}};
  Store config_maps{{{"keys", {{"k.txt", "a\nb"}}}}};
  const auto outcome =
      ResolveReferences(References(FullSpec()), "shop", secrets.Reader(), config_maps.Reader());
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->problems.empty());
  EXPECT_EQ(secrets.reads, 2);
  EXPECT_EQ(outcome->resolved.config_maps.at("keys").at("k.txt"), "a\nb");
}

TEST(References, WhatIsMissingIsToldWithFieldAndMend) {
  Store secrets{{{"token", {{"passwort", "s3cret"}}}}};
  Store config_maps;
  const auto outcome =
      ResolveReferences(References(FullSpec()), "shop", secrets.Reader(), config_maps.Reader());
  ASSERT_TRUE(outcome);
  ASSERT_EQ(outcome->problems.size(), 3);
  EXPECT_EQ(outcome->problems[0].reason, "ConfigMapNotFound");
  EXPECT_EQ(outcome->problems[0].message,
            "spec.sources[0].static.configMapRef: ConfigMap \"keys\" does not exist in namespace "
            "shop; create it, or correct the name");
  EXPECT_EQ(outcome->problems[1].reason, "SecretNotFound");
  EXPECT_THAT(outcome->problems[1].message, HasSubstr("caSecretRef: Secret \"ca\" does not exist"));
  EXPECT_EQ(outcome->problems[2].message,
            "spec.targets[0].redis.credentialsSecretRef: Secret \"token\" has no key \"password\"; "
            "add the key, or correct it here");
  for (const Problem& problem : outcome->problems) {
    EXPECT_EQ(problem.message.find("s3cret"), std::string::npos);
  }
}

TEST(References, WhatMayNotBeReadIsToldWithFieldAndMend) {
  int asked = 0;
  const ContentsReader refuses = [&](const std::string& name) -> Result<Contents> {
    ++asked;
    return Error{Code::kPermission, "\"" + name + "\" is forbidden: User \"stoker\" cannot get it"};
  };
  const auto outcome = ResolveReferences(References(FullSpec()), "shop", refuses, refuses);
  ASSERT_TRUE(outcome) << "the others are looked at all the same";
  ASSERT_EQ(outcome->problems.size(), 4);
  EXPECT_EQ(outcome->problems[0].reason, "ConfigMapForbidden");
  EXPECT_EQ(outcome->problems[1].reason, "SecretForbidden");
  EXPECT_EQ(
      outcome->problems[1].message,
      "spec.origins[0].http.headersSecretRef: the controller may not read Secret \"token\" in "
      "namespace shop; give its Role the verb get on secrets (\"token\" is forbidden: User "
      "\"stoker\" cannot get it)");
  EXPECT_EQ(asked, 3) << "each name once";
}

TEST(References, AFailedReadIsNotAnAbsence) {
  const ContentsReader broken = [](const std::string&) -> Result<Contents> {
    return Unavailable("the API server is away");
  };
  const auto outcome = ResolveReferences(References(FullSpec()), "shop", broken, broken);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kUnavailable);
}

TEST(References, ContentsAreDecoded) {
  const json secret = {{"data", {{"a", "aGVsbG8="}, {"bad", 7}}}};
  EXPECT_EQ(DecodeContents(secret, true), (Contents{{"a", "hello"}}));
  const json config_map = {{"data", {{"a", "plain"}}}, {"binaryData", {{"b", "aGVsbG8="}}}};
  EXPECT_EQ(DecodeContents(config_map, false), (Contents{{"a", "plain"}, {"b", "hello"}}));
}

}  // namespace
}  // namespace stoker::reconcile
