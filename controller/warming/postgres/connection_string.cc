#include "controller/warming/postgres/connection_string.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace stoker::warming {
namespace {

constexpr std::size_t kMaxText = 8 << 10;
constexpr std::size_t kMaxHosts = 16;
constexpr std::array<std::string_view, 6> kSslModes = {"disable", "allow",     "prefer",
                                                       "require", "verify-ca", "verify-full"};

using Parsed = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> items;
  while (true) {
    const std::size_t comma = text.find(',');
    items.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

bool IsPort(const std::string& text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

Status ReadHosts(const std::string& hosts, const std::string& ports, PostgresOptions& options) {
  const std::vector<std::string> names = SplitList(hosts);
  const std::vector<std::string> numbers = SplitList(ports);
  if (names.size() > kMaxHosts) return Invalid(fmt::format("names more than {} hosts", kMaxHosts));
  if (numbers.size() != 1 && numbers.size() != names.size()) {
    return Invalid("must have one port, or as many ports as hosts");
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) return Invalid("must name a host");
    if (names[i].starts_with('/') || names[i].starts_with('@')) {
      return Invalid("names a unix socket as its host; use the server's name");
    }
    PostgresHost host;
    host.name = names[i];
    if (const std::string& port = numbers[numbers.size() == 1 ? 0 : i]; !port.empty()) {
      if (!IsPort(port)) return Invalid("has a port that is no number of 1 to 65535");
      host.port = port;
    }
    options.hosts.push_back(std::move(host));
  }
  return {};
}

}  // namespace

Result<PostgresOptions> ParseConnectionString(const std::string& text) {
  // libpq's own message may quote a password, so it is not passed on.
  const auto malformed = Invalid(
      "is no connection string; write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with special "
      "characters percent-encoded");
  if (text.size() > kMaxText || text.find('\0') != std::string::npos) return malformed;
  char* message = nullptr;
  const Parsed parsed(PQconninfoParse(text.c_str(), &message), &PQconninfoFree);
  PQfreemem(message);
  if (!parsed) return malformed;

  PostgresOptions options;
  std::string hosts, ports;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view name = option->keyword;
    const std::string value = option->val;
    if (name == "host") {
      hosts = value;
    } else if (name == "port") {
      ports = value;
    } else if (name == "user") {
      options.user = value;
    } else if (name == "password") {
      options.password = value;
    } else if (name == "dbname") {
      options.database = value;
    } else if (name == "application_name") {
      options.application_name = value;
    } else if (name == "options") {
      options.options = value;
    } else if (name == "sslmode") {
      options.ssl_mode = value;
    } else if (name != "connect_timeout") {  // Stoker keeps its own deadlines
      return Invalid(fmt::format(
          "uses the parameter \"{}\", which is not allowed here; allowed are host, port, user, "
          "password, dbname, sslmode, application_name and options",
          name));
    }
  }
  if (std::find(kSslModes.begin(), kSslModes.end(), options.ssl_mode) == kSslModes.end()) {
    return Invalid(
        "has an unknown sslmode; use disable, prefer, require, verify-ca or verify-full");
  }
  if (options.user.empty()) return Invalid("must name a user");
  if (options.database.empty()) options.database = options.user;
  STOKER_CHECK(ReadHosts(hosts, ports, options));
  return options;
}

}  // namespace stoker::warming
