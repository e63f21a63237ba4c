#include "tests/support/postgres_server.h"

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

namespace stoker::testing {
namespace {

constexpr char kPrograms[] = "/usr/lib/postgresql/15/bin/";

// As `postgres` where the tests run as root.
std::vector<std::string> Unprivileged(std::vector<std::string> argv) {
  if (geteuid() != 0) return argv;
  std::vector<std::string> all = {"setpriv", "--reuid=postgres", "--regid=postgres",
                                  "--clear-groups", "--pdeathsig=KILL"};
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

void GiveToPostgres(const std::string& path) {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr || chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error("PostgreSQL: " + path + " cannot be given to the user postgres");
  }
}

}  // namespace

PostgresServer::PostgresServer(std::vector<std::string> config, const std::string& cert_pem,
                               const std::string& key_pem)
    : port_(FreePort()) {
  GiveToPostgres(dir_.path());
  const std::string password = dir_.File("password", "s3sam\n");
  GiveToPostgres(password);
  const std::string data = dir_.path() + "/data";
  const CommandResult made = RunCommand(
      Unprivileged({std::string(kPrograms) + "initdb", "--no-sync", "-D", data, "-U", "shop", "-A",
                    "scram-sha-256", "--pwfile=" + password, "-E", "UTF8", "--no-locale"}));
  if (made.exit_code != 0) throw std::runtime_error("initdb: " + made.err + made.out);
  std::string text = "listen_addresses = '127.0.0.1'\nport = " + std::to_string(port_) +
                     "\nunix_socket_directories = ''\nfsync = off\nsynchronous_commit = off\n"
                     "full_page_writes = off\nshared_buffers = 32MB\nautovacuum = off\n";
  if (!cert_pem.empty()) {
    const std::string cert = dir_.File("cert.pem", cert_pem);
    const std::string key = dir_.File("key.pem", key_pem);
    GiveToPostgres(cert);
    GiveToPostgres(key);
    chmod(key.c_str(), S_IRUSR | S_IWUSR);
    text += "ssl = on\nssl_cert_file = '" + cert + "'\nssl_key_file = '" + key + "'\n";
  }
  for (const std::string& line : config) text += line + "\n";
  const std::string file = dir_.File("data/postgresql.conf", text);
  GiveToPostgres(file);
  Start();
  Sql("CREATE DATABASE shop");
}

PostgresServer::~PostgresServer() { Kill(); }

void PostgresServer::Start() {
  process_ = std::make_unique<Process>(
      Unprivileged({std::string(kPrograms) + "postgres", "-D", dir_.path() + "/data"}),
      dir_.path() + "/log");
  const auto ready = [&] {
    return RunCommand({std::string(kPrograms) + "pg_isready", "-q", "-h", "127.0.0.1", "-p",
                       std::to_string(port_), "-d", "postgres", "-U", "shop"})
               .exit_code == 0;
  };
  if (!WaitFor([&] { return ready() || !process_->Running(); }) || !process_->Running()) {
    throw std::runtime_error("PostgreSQL did not start: " + process_->Output());
  }
}

void PostgresServer::Kill() {
  if (!process_ || !process_->Running()) return;
  process_->Signal(SIGQUIT);
  process_->Wait();
}

std::string PostgresServer::Url(const std::string& query) const {
  return "postgresql://shop:s3sam@127.0.0.1:" + std::to_string(port_) + "/shop" + query;
}

std::string PostgresServer::Sql(const std::string& statements) const {
  // Before the database exists, its creation is asked of the one that always does.
  const bool creates = statements.starts_with("CREATE DATABASE");
  const std::string database = creates ? "postgres" : "shop";
  const CommandResult result =
      RunCommand({"psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                  std::to_string(port_), "-U", "shop", "-d", database},
                 statements, std::chrono::seconds(120), {{"PGPASSWORD", "s3sam"}});
  if (result.exit_code != 0) throw std::runtime_error("psql: " + result.err);
  std::string out = result.out;
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace stoker::testing
