#include "tests/support/nginx_server.h"

#include <signal.h>

#include <filesystem>
#include <stdexcept>

namespace stoker::testing {

NginxServer::NginxServer(const std::string& locations, const std::string& listen_options,
                         const std::string& server_lines, const std::string& http_lines,
                         std::string host, int port)
    : host_(std::move(host)), port_(port != 0 ? port : FreePort()) {
  const std::string& root = dir_.path();
  std::filesystem::create_directories(root + "/www");
  const std::string temp = [&] {
    std::string lines;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      lines += std::string(kind) + "_temp_path " + root + "/" + kind + ";\n";
    }
    return lines;
  }();
  const std::string file =
      dir_.File("nginx.conf",
                "daemon off;\nmaster_process off;\npid " + root + "/pid;\nerror_log " + root +
                    "/error.log;\n" + "events { worker_connections 1024; }\nhttp {\n" + temp +
                    "log_format short '$status $connection $connection_requests $request_uri';\n"
                    "access_log " +
                    root + "/access.log short;\nkeepalive_requests 1000000;\n" + http_lines +
                    "\nserver {\nlisten " + address() + " " + listen_options + ";\nroot " + root +
                    "/www;\n" + server_lines + "\n" + locations + "\n}\n}\n");
  process_ = std::make_unique<Process>(
      std::vector<std::string>{"nginx", "-p", root, "-c", file, "-e", root + "/error.log"},
      root + "/out", std::map<std::string, std::string>{{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}});
  // The file is written once it listens; another one may listen on this port of another address.
  const auto listens = [&] { return !ReadFile(root + "/pid").empty(); };
  if (!WaitFor([&] { return listens() || !process_->Running(); }) || !process_->Running()) {
    throw std::runtime_error("nginx did not start: " + process_->Output());
  }
}

NginxServer::~NginxServer() {
  process_->Signal(SIGTERM);
  process_->Wait(std::chrono::seconds(5));
}

}  // namespace stoker::testing
