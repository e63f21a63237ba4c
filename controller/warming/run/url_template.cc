#include "controller/warming/run/url_template.h"

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

// A sitemap's {path} begins with a slash, so it ends the host in front of it.
bool PathsAreOfSitemaps(const api::WarmingPolicySpec& policy) {
  return std::all_of(policy.sources.begin(), policy.sources.end(), [](const api::Source& source) {
    return CarriesValues(source) ||
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
  return hole > host && url.substr(hole).starts_with("{+path}") && PathsAreOfSitemaps(policy);
}

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
  STOKER_TRY(result.url, Template::Parse(text, Template::Kind::kUrl, used));
  result.columns.assign(used.begin() + 1, used.end());
  return result;
}

}  // namespace stoker::warming
