#include "controller/warming/origin/make_origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/warming/materials/secrets.h"
#include "controller/warming/origin/http_origin.h"

namespace stoker::warming {
namespace {

bool IsHeaderName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

Status AddSecretHeaders(const std::string& secret, const Materials& materials,
                        HttpClientOptions& options) {
  STOKER_TRY(auto data, materials.Secret(secret));
  for (auto& [name, raw] : data) {
    std::string value = WithoutLineEnd(std::move(raw));
    if (!IsHeaderName(name))
      return Invalid(fmt::format("Secret \"{}\": \"{}\" is no header name", secret, name));
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Invalid(
          fmt::format("Secret \"{}\": the value of \"{}\" holds a line break, which no header may",
                      secret, name));
    }
    options.headers.emplace_back(name, std::move(value));
  }
  return {};
}

Result<HttpClientOptions> HttpOptions(const api::HttpOrigin& origin,
                                      const OriginSurroundings& surroundings) {
  HttpClientOptions options;
  options.max_idle = std::max(options.max_idle, surroundings.in_flight);
  for (const auto& header : origin.headers) options.headers.emplace_back(header.name, header.value);
  if (origin.headers_secret_ref) {
    const Status added =
        AddSecretHeaders(*origin.headers_secret_ref, surroundings.materials, options);
    if (!added) return Annotate("headersSecretRef", added.error());
  }
  options.max_body_bytes = static_cast<std::size_t>(origin.max_body_bytes);
  options.budget = surroundings.budget;
  STOKER_TRY(options.tls, MakeTls(origin.tls, surroundings.materials));
  return options;
}

}  // namespace

Result<OriginFactory> MakeOriginFactory(const api::Origin& origin, Template address,
                                        const OriginSurroundings& surroundings) {
  if (!origin.http) return Invalid("must have http");
  auto options = HttpOptions(*origin.http, surroundings);
  if (!options) return Nest("http", options.error());
  return OriginFactory([guard = surroundings.guard, url = std::move(address),
                        timeout = origin.http->timeout,
                        options = std::move(*options)](asio::io_context& loop) {
    return std::make_unique<HttpOrigin>(loop, guard, url, timeout, options);
  });
}

}  // namespace stoker::warming
