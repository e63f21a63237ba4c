#include "cmd/common/materials.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/process.h"

namespace stoker::cmd {
namespace {

TEST(DirectoryMaterialsTest, ReadsWhatKubernetesMounts) {
  const testing::TempDir dir;  // a Secret volume: the keys are links into a hidden folder
  (void)dir.File("auth/..2026/password", "word\n");
  std::filesystem::create_symlink("..2026", dir.path() + "/auth/..data");
  std::filesystem::create_symlink("..data/password", dir.path() + "/auth/password");
  const DirectoryMaterials materials(dir.path(), dir.path());
  const auto keys = materials.Secret("auth");
  ASSERT_TRUE(keys);
  EXPECT_EQ(*keys, (Keys{{"password", "word\n"}}));
}

TEST(DirectoryMaterialsTest, AMissingOneIsNotFound) {
  const testing::TempDir dir;
  const DirectoryMaterials materials(dir.path(), dir.path());
  EXPECT_EQ(materials.Secret("absent").error().code, Code::kNotFound);
  EXPECT_EQ(materials.ConfigMap("absent").error().code, Code::kNotFound);
}

TEST(DirectoryMaterialsTest, ANameNeverLeadsOutOfTheFolder) {
  const testing::TempDir dir;
  (void)dir.File("outside/key", "x");
  (void)dir.File("inside/empty/key", "x");
  const DirectoryMaterials materials(dir.path() + "/inside", dir.path() + "/inside");
  for (const char* name : {"../outside", "..", ".", "", "empty/../../outside"})
    EXPECT_EQ(materials.Secret(name).error().code, Code::kInvalid) << name;
}

}  // namespace
}  // namespace stoker::cmd
