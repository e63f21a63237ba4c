#include "cmd/stoker/manifest_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/process.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kSampleSchedule;
using testing::kSampleSecret;
using testing::SamplePolicy;

Manifests ReadText(const std::string& text) {
  std::istringstream in(text);
  return ReadManifests({"-"}, in);
}

TEST(ManifestFilesTest, OneFileMayHoldEverything) {
  const auto manifests =
      ReadText(SamplePolicy() + "---\n" + kSampleSchedule + "---\n" + kSampleSecret);
  EXPECT_THAT(manifests.errors, ElementsAre());
  ASSERT_EQ(manifests.policies.size(), 1U);
  EXPECT_EQ(manifests.policies[0].policy.spec.pacing.requests_per_second, 2000);
  EXPECT_EQ(manifests.schedules.size(), 1U);
  ASSERT_EQ(manifests.secrets.size(), 1U);
  EXPECT_EQ(manifests.secrets[0].keys.at("password"), "s3cr3t-word");
}

TEST(ManifestFilesTest, ErrorsNameFileObjectAndField) {
  const testing::TempDir dir;
  const std::string bad = SamplePolicy() + "  retry: {limit: many}\n";
  const std::string file = dir.File("policy.yaml", bad);
  std::istringstream in;
  const auto manifests = ReadManifests({file}, in);
  ASSERT_EQ(manifests.errors.size(), 1U);
  EXPECT_THAT(manifests.errors[0],
              ::testing::StartsWith(file + ": WarmingPolicy shop/pages: spec.retry.limit: "));
}

TEST(ManifestFilesTest, AllThatIsWrongIsSaidAtOnce) {
  const auto manifests =
      ReadText(SamplePolicy() + "  retry: {limit: many, backoff: 5}\n---\n" +
               "kind: Secret\napiVersion: v1\nmetadata: {name: x}\ndata: {a: '%%%'}\n");
  EXPECT_EQ(manifests.errors.size(), 3U);
  EXPECT_THAT(manifests.errors.back(), HasSubstr("data[a]: is not Base64"));
}

TEST(ManifestFilesTest, WhatIsNotOursIsLeftAlone) {
  const auto manifests = ReadText("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n");
  EXPECT_THAT(manifests.errors, ElementsAre());
  EXPECT_THAT(manifests.notes,
              ElementsAre("standard input: Deployment web is not Stoker's; left alone"));
}

TEST(ManifestFilesTest, BadCronAndZoneAreErrors) {
  struct Case {
    std::string good, bad, field;
  };
  const Case cases[] = {
      {"0 7 * * *", "61 7 * * *", "spec.schedules[0]: "},
      {"Europe/Berlin", "Europe/Nowhere", "spec.timeZone: "},
  };
  for (const Case& test : cases) {
    std::string text = kSampleSchedule;
    text.replace(text.find(test.good), test.good.size(), test.bad);
    const auto manifests = ReadText(text);
    EXPECT_THAT(manifests.errors, ElementsAre(HasSubstr(test.field))) << test.bad;
    EXPECT_TRUE(manifests.schedules.empty());
  }
}

TEST(ManifestFilesTest, FilesThatCannotBeReadAreSaidSo) {
  const testing::TempDir dir;
  std::istringstream in;
  const auto manifests =
      ReadManifests({dir.path() + "/missing.yaml", dir.path(), dir.File("empty.yaml", "")}, in);
  ASSERT_EQ(manifests.errors.size(), 3U);
  EXPECT_THAT(manifests.errors[0],
              HasSubstr("missing.yaml: cannot be read: No such file or directory"));
  EXPECT_THAT(manifests.errors[1], HasSubstr("is a directory"));
  EXPECT_THAT(manifests.errors[2], HasSubstr("holds no manifest"));
}

TEST(ManifestFilesTest, SeveralPoliciesNeedAName) {
  std::string other = SamplePolicy();
  other.replace(other.find("pages"), 5, "users");
  const auto manifests = ReadText(SamplePolicy() + "---\n" + other);
  const auto any = ChoosePolicy(manifests, "");
  ASSERT_FALSE(any);
  EXPECT_THAT(any.error().message, HasSubstr("choose one with --policy NAME"));
  EXPECT_EQ(ChoosePolicy(manifests, "users")->policy.meta.name, "users");
  EXPECT_EQ(ChoosePolicy(manifests, "shop/pages")->policy.meta.name, "pages");
  EXPECT_THAT(ChoosePolicy(manifests, "carts").error().message,
              HasSubstr("hold only shop/pages, shop/users"));
}

TEST(ManifestFilesTest, AFileThatIsGivenTwiceIsReadOnce) {
  const testing::TempDir dir;
  const std::string file = dir.File("policy.yaml", SamplePolicy());
  std::istringstream in(kSampleSchedule);
  const auto manifests = ReadManifests({file, dir.path() + "/./policy.yaml", "-", "-"}, in);
  EXPECT_THAT(manifests.errors, ElementsAre());
  EXPECT_THAT(manifests.notes,
              ElementsAre(dir.path() + "/./policy.yaml is given twice; it is read once",
                          "standard input is given twice; it is read once"));
  EXPECT_EQ(manifests.policies.size(), 1U);
  EXPECT_TRUE(ChoosePolicy(manifests, ""));
}

TEST(ManifestFilesTest, OnePolicyInTwoPlacesIsNotTwoPolicies) {
  const testing::TempDir dir;
  const std::string first = dir.File("a.yaml", SamplePolicy());
  const std::string second = dir.File("b.yaml", SamplePolicy());
  std::istringstream in;
  EXPECT_EQ(
      ChoosePolicy(ReadManifests({first, second}, in), "").error().message,
      "WarmingPolicy shop/pages is in " + first + " and again in " + second + "; leave one out");
  EXPECT_EQ(
      ChoosePolicy(ReadText(SamplePolicy() + "---\n" + SamplePolicy()), "pages").error().message,
      "WarmingPolicy shop/pages is twice in standard input; remove one of them");
}

TEST(ManifestFilesTest, APolicyReachesOnlyItsNamespace) {
  std::string foreign = kSampleSecret;
  foreign.replace(foreign.find("namespace: shop"), 15, "namespace: bank");
  const auto manifests = ReadText(SamplePolicy() + "---\n" + foreign);
  const auto materials = MaterialsFor(manifests.policies[0].policy, manifests, {});
  ASSERT_TRUE(materials);
  const auto secret = (*materials)->Secret("redis-auth");
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().code, Code::kNotFound);
  EXPECT_THAT(secret.error().message, HasSubstr("--secret redis-auth=DIR"));
}

TEST(ManifestFilesTest, ASecretMayBeADirectory) {
  const testing::TempDir dir;
  (void)dir.File("password", "from-a-file");
  const auto manifests = ReadText(SamplePolicy());
  const auto& policy = manifests.policies[0].policy;
  const auto materials = MaterialsFor(policy, manifests, {"redis-auth=" + dir.path()});
  ASSERT_TRUE(materials);
  EXPECT_EQ((*materials)->Secret("redis-auth")->at("password"), "from-a-file");
  EXPECT_THAT(MaterialsFor(policy, manifests, {"redis-auth"}).error().message,
              HasSubstr("must be NAME=DIR"));
  EXPECT_THAT(MaterialsFor(policy, manifests, {"a=/no/such"}).error().message,
              HasSubstr("is not a directory"));
}

}  // namespace
}  // namespace stoker::cli
