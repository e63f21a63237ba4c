#include "controller/warming/run/url_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/warming/origin/http_client.h"
#include "controller/warming/source/make_source.h"

namespace stoker::warming {
namespace {

constexpr char kField[] = "spec.origins[0].http.url";

// Of the sources whose entries are fetched. Those whose variables nobody knows before they are read
// offer whatever the URL asks for, and judge it then.
std::vector<std::string> CommonVariables(const std::vector<api::Source>& sources,
                                         const std::string& url) {
  const auto offered_by = [&](const api::Source& source) {
    std::vector<std::string> names = VariablesOf(source);
    if (!HasOpenVariables(source)) return names;
    for (std::string& name : Template::NamesIn(url)) {
      if (std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(std::move(name));
    }
    return names;
  };
  const auto first = std::find_if_not(sources.begin(), sources.end(), CarriesValues);
  if (first == sources.end()) return {"key"};
  std::vector<std::string> common = offered_by(*first);
  for (const api::Source& source : sources) {
    if (CarriesValues(source)) continue;
    const auto offered = offered_by(source);
    std::erase_if(common, [&](const std::string& name) {
      return std::find(offered.begin(), offered.end(), name) == offered.end();
    });
  }
  return common;
}

// A sitemap's and a log's {path} begins with a slash, so it ends the host in front of it.
bool PathsBeginWithSlash(const api::WarmingPolicySpec& policy) {
  return std::all_of(policy.sources.begin(), policy.sources.end(), [](const api::Source& source) {
    return CarriesValues(source) || source.access_log ||
           (source.http && source.http->format == api::HttpSource::Format::kSitemap);
  });
}

}  // namespace

bool HasOneHost(const api::WarmingPolicySpec& policy) {
  if (policy.origins.empty()) return true;
  const std::string_view url = policy.origins.front().http.url;
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t hole = url.find('{');
  if (hole == std::string_view::npos || url.find_first_of("/?#", host) < hole) return true;
  return hole > host && url.substr(hole).starts_with("{+path}") && PathsBeginWithSlash(policy);
}

namespace {

// Patterns and keys in the policy are its author's words; what a list or a query holds is not.
bool ReadsWhatOthersWrote(const api::Source& source) {
  return !CarriesValues(source) && !source.pattern &&
         !(source.static_ && !source.static_->config_map_ref);
}

Status CheckWhoSeesSecrets(const api::WarmingPolicySpec& policy) {
  const api::HttpOrigin& http = policy.origins.front().http;
  const bool has_key = http.tls && http.tls->key_secret_ref;
  if ((!http.headers_secret_ref && !has_key) || HasOneHost(policy)) return {};
  const auto other =
      std::find_if(policy.sources.begin(), policy.sources.end(), ReadsWhatOthersWrote);
  if (other == policy.sources.end()) return {};
  return Invalid(fmt::format(
      "{}: the entries of source \"{}\" would choose the host that is shown what {} holds; "
      "write the host out and a slash before the first variable, or leave that Secret out",
      kField, other->name, http.headers_secret_ref ? "headersSecretRef" : "tls.keySecretRef"));
}

}  // namespace

Result<UrlTemplate> ParseUrlTemplate(const api::WarmingPolicySpec& policy) {
  if (policy.origins.empty()) return UrlTemplate{};
  const std::string& text = policy.origins.front().http.url;
  const auto known = CommonVariables(policy.sources, text);
  auto full = Template::Parse(text, Template::Kind::kUrl, known);
  if (!full) return Annotate(kField, full.error());

  std::vector<std::string_view> example;
  for (const std::string& name : known) example.push_back(name == "path" ? "/" : "1");
  std::string rendered;
  full->Render(example, rendered);
  if (const auto url = ParseUrl(rendered); !url) return Annotate(kField, url.error());

  UrlTemplate result;
  std::vector<std::string> used = {"key"};
  for (std::size_t i = 1; i < known.size(); ++i) {
    if (full->Uses(i)) used.push_back(known[i]);
  }
  STOKER_CHECK(CheckWhoSeesSecrets(policy));
  STOKER_TRY(result.url, Template::Parse(text, Template::Kind::kUrl, used));
  result.columns.assign(used.begin() + 1, used.end());
  return result;
}

}  // namespace stoker::warming
