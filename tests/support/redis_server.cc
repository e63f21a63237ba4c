#include "tests/support/redis_server.h"

#include <signal.h>

#include <stdexcept>

namespace stoker::testing {
namespace {

void MustRun(const std::vector<std::string>& argv) {
  const CommandResult result = RunCommand(argv);
  if (result.exit_code != 0) throw std::runtime_error(argv[0] + " " + argv[1] + ": " + result.err);
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> config)
    : port_(FreePort()), config_(std::move(config)) {
  Start();
}

void RedisServer::Start() {
  std::string text = "bind 127.0.0.1\nsave \"\"\nappendonly no\ndir " + dir_.path() + "\n";
  bool has_port = false;
  for (const std::string& line : config_) {
    text += line + "\n";
    has_port = has_port || line.rfind("tls-port", 0) == 0;
  }
  text += has_port ? "port 0\ntls-port " + std::to_string(port_) + "\n"
                   : "port " + std::to_string(port_) + "\n";
  const std::string file = dir_.File("redis.conf", text);
  process_ = std::make_unique<Process>(std::vector<std::string>{"redis-server", file},
                                       dir_.path() + "/log");
  if (!WaitFor([&] { return CanConnect(port_) || !process_->Running(); }) || !process_->Running()) {
    throw std::runtime_error("redis-server did not start: " + process_->Output());
  }
}

void RedisServer::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait();
}

std::string RedisServer::Cli(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {"redis-cli", "-p", std::to_string(port_)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::string out = RunCommand(argv).out;
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

TestCertificates MakeCertificates(const TempDir& dir, const std::string& alt_names) {
  TestCertificates made;
  made.ca_file = dir.path() + "/ca.pem";
  made.cert_file = dir.path() + "/cert.pem";
  made.key_file = dir.path() + "/key.pem";
  const std::string ca_key = dir.path() + "/ca-key.pem";
  const std::string request = dir.path() + "/request.pem";
  MustRun({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
           "-nodes", "-days", "2", "-subj", "/CN=Test CA", "-keyout", ca_key, "-out",
           made.ca_file});
  MustRun({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-subj", "/CN=test", "-keyout", made.key_file, "-out", request});
  const std::string extensions = dir.File("extensions", "subjectAltName=" + alt_names + "\n");
  MustRun({"openssl", "x509", "-req", "-in", request, "-CA", made.ca_file, "-CAkey", ca_key,
           "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", made.cert_file});
  made.ca_pem = ReadFile(made.ca_file);
  made.cert_pem = ReadFile(made.cert_file);
  made.key_pem = ReadFile(made.key_file);
  return made;
}

}  // namespace stoker::testing
