#include "controller/warming/run/addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "controller/warming/origin/http_client.h"
#include "controller/warming/source/make_source.h"

namespace stoker::warming {
namespace {

struct AddressField {  // of a template in the policy
  std::string name;
  std::string text;
  Template::Kind kind;
};

std::vector<AddressField> FieldsOf(const api::WarmingPolicySpec& policy) {
  std::vector<AddressField> fields;
  for (std::size_t i = 0; i < policy.origins.size(); ++i) {
    if (const auto& http = policy.origins[i].http) {
      fields.push_back(
          {fmt::format("spec.origins[{}].http.url", i), http->url, Template::Kind::kUrl});
    } else if (const auto& sql = policy.origins[i].sql) {
      fields.push_back({fmt::format("spec.origins[{}].sql.keyTemplate", i), sql->key_template,
                        Template::Kind::kKey});
    } else if (const auto& redis = policy.origins[i].redis) {
      fields.push_back({fmt::format("spec.origins[{}].redis.keyTemplate", i), redis->key_template,
                        Template::Kind::kKey});
    }
  }
  for (std::size_t i = 0; i < policy.targets.size(); ++i) {
    if (const auto& http = policy.targets[i].http) {
      fields.push_back(
          {fmt::format("spec.targets[{}].http.url", i), http->url, Template::Kind::kUrl});
    }
  }
  return fields;
}

// Of the sources whose entries are fetched. Those whose variables nobody knows before they are read
// offer whatever is asked for, and judge it then.
std::vector<std::string> CommonVariables(const std::vector<api::Source>& sources,
                                         const std::vector<AddressField>& fields) {
  const auto offered_by = [&](const api::Source& source) {
    std::vector<std::string> names = VariablesOf(source);
    if (!HasOpenVariables(source)) return names;
    for (const AddressField& field : fields) {
      for (std::string& name : Template::NamesIn(field.text)) {
        if (std::find(names.begin(), names.end(), name) == names.end())
          names.push_back(std::move(name));
      }
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

bool HasOneHost(const api::WarmingPolicySpec& policy, std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t hole = url.find('{');
  if (hole == std::string_view::npos || url.find_first_of("/?#", host) < hole) return true;
  return hole > host && url.substr(hole).starts_with("{+path}") && PathsBeginWithSlash(policy);
}

// Patterns and keys in the policy are its author's words; what a list or a query holds is not.
bool ReadsWhatOthersWrote(const api::Source& source) {
  return !CarriesValues(source) && !source.pattern &&
         !(source.static_ && !source.static_->config_map_ref);
}

Status CheckWhoSeesSecrets(const api::WarmingPolicySpec& policy, std::size_t origin) {
  const api::HttpOrigin& http = *policy.origins[origin].http;
  const bool has_key = http.tls && http.tls->key_secret_ref;
  const char* const shown = http.headers_secret_ref ? "headersSecretRef"
                            : http.auth             ? "auth"
                            : has_key               ? "tls.keySecretRef"
                                                    : nullptr;
  if (shown == nullptr || HasOneHost(policy, http.url)) return {};
  const auto other =
      std::find_if(policy.sources.begin(), policy.sources.end(), ReadsWhatOthersWrote);
  if (other == policy.sources.end()) return {};
  return Invalid(fmt::format(
      "spec.origins[{}].http.url: the entries of source \"{}\" would choose the host that is "
      "shown what {} holds; write the host out and a slash before the first variable, or leave "
      "that Secret out",
      origin, other->name, shown));
}

Status CheckUrl(const Template& url, const std::vector<std::string>& variables) {
  std::vector<std::string_view> example;
  for (const std::string& name : variables) example.push_back(name == "path" ? "/" : "1");
  std::string rendered;
  url.Render(example, rendered);
  if (const auto parsed = ParseUrl(rendered); !parsed) return parsed.error();
  return {};
}

}  // namespace

bool FetchesThroughTargets(const api::WarmingPolicySpec& policy) {
  return std::ranges::any_of(policy.targets, IsHttpTarget);
}

bool HaveOneHost(const api::WarmingPolicySpec& policy) {
  const std::vector<AddressField> fields = FieldsOf(policy);
  return std::all_of(fields.begin(), fields.end(), [&](const AddressField& field) {
    return field.kind != Template::Kind::kUrl || HasOneHost(policy, field.text);
  });
}

Result<Addresses> ParseAddresses(const api::WarmingPolicySpec& policy) {
  const std::vector<AddressField> fields = FieldsOf(policy);
  const auto known = CommonVariables(policy.sources, fields);
  std::vector<bool> used(known.size(), false);
  for (const AddressField& field : fields) {
    const auto full = Template::Parse(field.text, field.kind, known);
    if (!full) return Annotate(field.name, full.error());
    if (field.kind == Template::Kind::kUrl) {
      if (Status good = CheckUrl(*full, known); !good) return Annotate(field.name, good.error());
    }
    if (field.name.starts_with("spec.targets") && !HasOneHost(policy, field.text)) {
      return Invalid(
          fmt::format("{}: must name one cache; write the host out and a slash before "
                      "the first variable, or {{+path}} right after the host",
                      field.name));
    }
    for (std::size_t i = 1; i < known.size(); ++i) used[i] = used[i] || full->Uses(i);
  }
  Addresses result;
  for (std::size_t i = 1; i < known.size(); ++i) {
    if (used[i]) result.columns.push_back(known[i]);
  }
  for (std::size_t i = 0; i < policy.origins.size(); ++i) {
    if (!policy.origins[i].http) continue;
    STOKER_CHECK(CheckWhoSeesSecrets(policy, i));
  }
  std::vector<std::string> variables = {"key"};
  variables.insert(variables.end(), result.columns.begin(), result.columns.end());
  for (const AddressField& field : fields) {
    STOKER_TRY(Template address, Template::Parse(field.text, field.kind, variables));
    result.origins.push_back(std::move(address));
  }
  return result;
}

}  // namespace stoker::warming
