#include "controller/kube/object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stoker::kube {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

json Member(const std::string& ns, const std::string& name, int version,
            const std::string& owner = {}) {
  return {{"metadata",
           {{"namespace", ns},
            {"name", name},
            {"resourceVersion", std::to_string(version)},
            {"managedFields", {{{"manager", "kubectl"}}}}}},
          {"owner", owner}};
}

PackedObject Packed(const json& object) {
  return {object, [](const json& o) { return o.value("owner", ""); }};
}

std::vector<std::string> Names(const std::vector<Object>& objects) {
  std::vector<std::string> names;
  for (const Object& object : objects) names.push_back((*object)["metadata"]["name"]);
  return names;
}

TEST(PackedObjectTest, ComesOutAsItWentInWithoutManagedFields) {
  json object = Member("shop", "a", 7);
  object["spec"] = {{"text", "Käse \u0001"},     {"whole", -3},
                    {"large", 9007199254740993}, {"part", 0.1},
                    {"none", nullptr},           {"yes", true},
                    {"many", {1, "two"}},        {"empty", json::object()}};
  const PackedObject packed(object, nullptr);
  object["metadata"].erase("managedFields");
  EXPECT_EQ(*packed.Unpack(), object);
  EXPECT_EQ(packed.key(), "shop/a");
  EXPECT_EQ(packed.version(), "7");
  EXPECT_EQ(packed.index(), "");
  EXPECT_EQ(PackedObject().Unpack(), nullptr);
}

TEST(ObjectStoreTest, ObjectsAreFoundByWhatTheIndexSaysOfTheirLatestVersion) {
  ObjectStore store;
  (void)store.Put(Packed(Member("shop", "a", 1, "x")));
  (void)store.Put(Packed(Member("shop", "b", 2, "x")));
  (void)store.Put(Packed(Member("other", "c", 3, "x")));
  (void)store.Put(Packed(Member("shop", "d", 4)));
  EXPECT_THAT(Names(store.Find("shop", "x")), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(Names(store.Find("", "x")), UnorderedElementsAre("a", "b", "c"));
  (void)store.Put(Packed(Member("shop", "a", 5, "y")));
  (void)store.Remove(Member("shop", "b", 6, "x"));
  EXPECT_THAT(Names(store.Find("shop", "x")), IsEmpty());
  EXPECT_THAT(Names(store.Find("shop", "y")), UnorderedElementsAre("a"));
  (void)store.ReplaceAll({Packed(Member("shop", "e", 7, "y"))});
  EXPECT_THAT(Names(store.Find("", "y")), UnorderedElementsAre("e"));
  EXPECT_THAT(store.Find("", "x"), IsEmpty());
}

TEST(ObjectStoreTest, ANamespaceIsNotOneWhoseNameBeginsAlike) {
  ObjectStore store;
  (void)store.Put(Packed(Member("shop", "a", 1)));
  (void)store.Put(Packed(Member("shopping", "b", 2)));
  EXPECT_THAT(store.Keys("shop"), UnorderedElementsAre("shop/a"));
  EXPECT_THAT(Names(store.List("shop")), UnorderedElementsAre("a"));
  EXPECT_THAT(store.Keys(""), UnorderedElementsAre("shop/a", "shopping/b"));
}

TEST(ObjectStoreTest, AReplacementTellsWhatCameChangedAndWent) {
  ObjectStore store;
  (void)store.ReplaceAll({Packed(Member("n", "same", 1)), Packed(Member("n", "changed", 2)),
                          Packed(Member("n", "gone", 3))});
  const auto changes =
      store.ReplaceAll({Packed(Member("n", "same", 1)), Packed(Member("n", "changed", 4)),
                        Packed(Member("n", "new", 5))});
  std::vector<std::string> told;
  for (const Change& change : changes) {
    told.push_back((change.old_object ? change.old_object.version() : "-") + ">" +
                   (change.new_object ? change.new_object.version() : "-"));
  }
  EXPECT_THAT(told, UnorderedElementsAre("2>4", "->5", "3>-"));
  EXPECT_EQ(store.Size(), 3U);
}

}  // namespace
}  // namespace stoker::kube
