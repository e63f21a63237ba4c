#include "tests/integration/kube/shared_server.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "controller/kube/config.h"

namespace stoker::testing {
namespace {

std::unique_ptr<ApiServer>& Instance() {
  static std::unique_ptr<ApiServer> server;
  return server;
}

class EndServer final : public ::testing::Environment {
  void TearDown() override { Instance().reset(); }
};

const ::testing::Environment* const kEndServer =
    ::testing::AddGlobalTestEnvironment(new EndServer);  // owned by GoogleTest

}  // namespace

ApiServer& SharedServer() {
  if (!Instance()) Instance() = std::make_unique<ApiServer>();
  return *Instance();
}

std::shared_ptr<kube::Transport> AdminTransport() {
  kube::ConfigOptions options;
  options.kubeconfig = SharedServer().kubeconfig();
  auto config = kube::LoadConfig(options);
  if (!config) throw std::runtime_error(config.error().message);
  auto transport = kube::MakeTransport(*config);
  if (!transport) throw std::runtime_error(transport.error().message);
  return *transport;
}

}  // namespace stoker::testing
