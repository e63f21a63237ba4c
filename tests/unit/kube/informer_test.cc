#include "controller/kube/informer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kube/scripted_transport.h"

namespace stoker::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Event(const std::string& type, const std::string& name, int version) {
  return fmt::format(R"({{"type":"{}","object":{{"metadata":{{"namespace":"ns","name":"{}",)"
                     R"("resourceVersion":"{}","managedFields":[{{}}]}}}}}})",
                     type, name, version);
}
std::string Bookmark(int version, bool initial = false) {
  return fmt::format(
      R"({{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{}"{}}}}}}})", version,
      initial ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "");
}
const std::string kGone =
    R"({"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}})";

class InformerScriptTest : public ::testing::Test {
 protected:
  InformerScriptTest() {
    options_.resource = kJobs;
    options_.label_selector = "app=stoker";
    options_.backoff = {Millis(1), Millis(5)};
  }

  // Plays the script to its end and returns what the handler saw.
  std::vector<std::string> Play() {
    Informer informer(client_, options_);
    std::vector<std::string> seen;
    informer.OnChange([&](const Object& before, const Object& after) {
      const auto& object = after ? *after : *before;
      seen.push_back((!before  ? "+"
                      : !after ? "-"
                               : "~") +
                     object["metadata"]["name"].get<std::string>() +
                     object["metadata"]["resourceVersion"].get<std::string>());
    });
    informer.Start();
    EXPECT_TRUE(transport_->WaitIdle());
    synced_ = informer.Synced();
    size_ = informer.Size();
    informer.Stop();
    return seen;
  }

  std::string Path(std::size_t i) const { return transport_->requests().at(i).path; }

  std::shared_ptr<ScriptedTransport> transport_ = std::make_shared<ScriptedTransport>();
  Client client_{transport_};
  InformerOptions options_;
  bool synced_ = false;
  std::size_t size_ = 0;
};

TEST_F(InformerScriptTest, IsSyncedOnlyAtTheEndOfTheStreamedList) {
  transport_->Stream({Event("ADDED", "a", 1), Event("ADDED", "b", 2)}, Unavailable("cut"));
  EXPECT_THAT(Play(), IsEmpty());
  EXPECT_FALSE(synced_);
}

TEST_F(InformerScriptTest, ResumesWhereABookmarkLeftIt) {
  transport_->Stream({Event("ADDED", "a", 1), Bookmark(5, true), Bookmark(9)});
  EXPECT_THAT(Play(), ElementsAre("+a1"));
  EXPECT_TRUE(synced_);
  EXPECT_THAT(Path(0), HasSubstr("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
  EXPECT_THAT(Path(0), HasSubstr("labelSelector=app%3Dstoker"));
  EXPECT_THAT(Path(1), HasSubstr("resourceVersion=9"));
  EXPECT_THAT(Path(1), Not(HasSubstr("sendInitialEvents")));
  EXPECT_THAT(Path(1), HasSubstr("timeoutSeconds=290"));
}

TEST_F(InformerScriptTest, ListsInPagesWhereTheListCannotBeStreamed) {
  transport_->Stream(
      {}, HttpResponse{422, {}, R"({"kind":"Status","message":"sendInitialEvents is forbidden"})"});
  transport_->Answer(200, R"({"metadata":{"resourceVersion":"7","continue":"more"},
                             "items":[{"metadata":{"namespace":"ns","name":"a","resourceVersion":"1"}}]})");
  transport_->Answer(200, R"({"metadata":{"resourceVersion":"7"},
                             "items":[{"metadata":{"namespace":"ns","name":"b","resourceVersion":"2"}}]})");
  EXPECT_THAT(Play(), ElementsAre("+a1", "+b2"));
  EXPECT_THAT(Path(2), HasSubstr("continue=more"));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=7"));
}

TEST_F(InformerScriptTest, ARelistAfter410FindsWhatWasMissed) {
  transport_->Stream({Event("ADDED", "a", 1), Event("ADDED", "b", 2), Bookmark(5, true), kGone});
  transport_->Stream({Event("ADDED", "b", 2), Event("ADDED", "c", 8), Bookmark(9, true)});
  EXPECT_THAT(Play(), ElementsAre("+a1", "+b2", "+c8", "-a1"));
  EXPECT_EQ(size_, 2u);
}

TEST_F(InformerScriptTest, A410AsAnHttpStatusIsTheSame) {
  transport_->Stream({Bookmark(5, true)});
  transport_->Stream({}, HttpResponse{410, {}, "{}"});
  transport_->Stream({Event("ADDED", "a", 8), Bookmark(9, true)});
  EXPECT_THAT(Play(), ElementsAre("+a8"));
}

TEST_F(InformerScriptTest, RepeatsAndStepsBackInTimeAreNotHandedOn) {
  transport_->Stream({Event("ADDED", "a", 5), Bookmark(5, true), Event("MODIFIED", "a", 10),
                      Event("MODIFIED", "a", 10), Event("MODIFIED", "a", 7),
                      Event("DELETED", "a", 6), Event("MODIFIED", "a", 11)});
  EXPECT_THAT(Play(), ElementsAre("+a5", "~a10", "~a11"));
}

TEST_F(InformerScriptTest, NonsenseEndsTheWatchAndNotTheInformer) {
  transport_->Stream({Bookmark(5, true), R"({"type":"ADDED","object":{"metadata":{"na)"});
  transport_->Stream({R"([1,2])"});
  transport_->Stream({R"({"type":"ADDED"})"});
  transport_->Stream({Event("ADDED", "a", 6)});
  EXPECT_THAT(Play(), ElementsAre("+a6"));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=5"));
}

TEST_F(InformerScriptTest, AThrowingHandlerDoesNotStopTheRest) {
  transport_->Stream({Event("ADDED", "a", 1), Bookmark(5, true), Event("ADDED", "b", 6)});
  Informer informer(client_, options_);
  int calls = 0;
  informer.OnChange([&](const Object&, const Object&) {
    ++calls;
    throw std::runtime_error("handler");
  });
  informer.Start();
  EXPECT_TRUE(transport_->WaitIdle());
  informer.Stop();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(informer.Size(), 2u);
}

TEST_F(InformerScriptTest, AResyncHandsEveryObjectAgain) {
  options_.resync = Millis(0);
  transport_->Stream({Event("ADDED", "a", 1), Bookmark(5, true)});
  EXPECT_THAT(Play(), ElementsAre("+a1", "~a1"));
}

TEST_F(InformerScriptTest, ManagedFieldsAreNotKept) {
  transport_->Stream({Event("ADDED", "a", 1), Bookmark(5, true)});
  Informer informer(client_, options_);
  informer.Start();
  EXPECT_TRUE(transport_->WaitIdle());
  ASSERT_NE(informer.Get("ns", "a"), nullptr);
  EXPECT_FALSE((*informer.Get("ns", "a"))["metadata"].contains("managedFields"));
  EXPECT_EQ(informer.List("other").size(), 0u);
  EXPECT_EQ(informer.List("ns").size(), 1u);
}

}  // namespace
}  // namespace stoker::kube
