#include "controller/warming/run/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "controller/warming/materials/secrets.h"
#include "controller/warming/source/http_source.h"
#include "controller/warming/target/make_target.h"

namespace stoker::warming {
namespace {

using Guard = std::shared_ptr<const EgressGuard>;

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

Result<HttpClientOptions> OriginOptions(const api::HttpOrigin& origin, int in_flight,
                                        const Materials& materials) {
  HttpClientOptions options;
  options.max_idle = std::max(options.max_idle, in_flight);
  for (const auto& header : origin.headers) options.headers.emplace_back(header.name, header.value);
  if (origin.headers_secret_ref) {
    const Status added = AddSecretHeaders(*origin.headers_secret_ref, materials, options);
    if (!added) return Annotate("headersSecretRef", added.error());
  }
  options.max_body_bytes = static_cast<std::size_t>(origin.max_body_bytes);
  STOKER_TRY(options.tls, MakeTls(origin.tls, materials));
  return options;
}

// Lists and sitemaps: no headers of the origin go there.
class HttpDocuments final : public DocumentClient {
 public:
  HttpDocuments(asio::io_context& loop, const Guard& guard) : client_(loop, guard, Options()) {}
  asio::awaitable<FetchResult> Get(const std::string& url, SteadyTime deadline,
                                   const std::function<asio::awaitable<Status>()>& leave,
                                   BodySink sink) override {
    return client_.FetchStreaming(url, deadline, leave, std::move(sink));
  }
  void Cancel() override { client_.Cancel(); }

 private:
  static HttpClientOptions Options() {
    HttpClientOptions options;
    options.max_body_bytes = kMaxListBytes;
    return options;
  }
  HttpClient client_;
};

}  // namespace

Result<RunParts> MakeRunParts(const RunSpec& spec, const Materials& materials,
                              const RunOptions& options) {
  const auto& policy = spec.policy;
  STOKER_TRY(auto rules, EgressGuard::Make(options.egress.guarded, options.egress.denied,
                                           options.egress.allowed));
  const Guard guard = std::make_shared<const EgressGuard>(std::move(rules));

  RunParts parts;
  parts.egress = guard;
  if (!policy.origins.empty()) {
    auto origin = OriginOptions(policy.origins.front().http,
                                static_cast<int>(policy.pacing.max_in_flight), materials);
    if (!origin) return Nest("spec.origins[0].http", origin.error());
    origin->budget = std::make_shared<ByteBudget>(options.value_bytes);
    parts.origin = [guard, http = std::move(*origin)](asio::io_context& loop) {
      return std::make_unique<HttpClient>(loop, guard, http);
    };
  }
  parts.documents = [guard](asio::io_context& loop) {
    return std::make_unique<HttpDocuments>(loop, guard);
  };
  for (std::size_t i = 0; i < policy.targets.size(); ++i) {
    auto target = MakeTargetFactory(policy.targets[i], materials, guard);
    if (!target) return Nest(fmt::format("spec.targets[{}]", i), target.error());
    parts.targets.push_back(std::move(*target));
  }
  return parts;
}

}  // namespace stoker::warming
