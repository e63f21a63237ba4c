#include "tests/support/api_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stoker::testing {
namespace {

using ::testing::HasSubstr;

TEST(ApiServerTest, SurvivesAKillWithItsDataAndItsPort) {
  ApiServer server;
  const std::string ns = server.MakeNamespace();
  server.MustKubectl({"-n", ns, "create", "configmap", "kept", "--from-literal=a=1"});

  server.KillApiServer();
  EXPECT_FALSE(CanConnect(server.port()));

  server.RestartApiServer();
  EXPECT_THAT(server.MustKubectl({"-n", ns, "get", "configmap", "kept", "-o", "yaml"}),
              HasSubstr("a: \"1\""));
}

}  // namespace
}  // namespace stoker::testing
