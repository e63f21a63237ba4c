#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cmd/stoker/command.h"
#include "cmd/stoker/options.h"
#include "cmd/stoker/policy_files.h"
#include "cmd/stoker/run_display.h"
#include "controller/warming/run/estimate.h"

namespace stoker::cli {
namespace {

constexpr char kPlan[] = "plan";

struct PlanCommandOptions {
  PolicyFiles files;
  std::string output = "table";
  std::int64_t value_bytes = 1024;
};

nlohmann::json OrNull(const std::optional<std::int64_t>& number) {
  return number ? nlohmann::json(*number) : nlohmann::json();
}

nlohmann::ordered_json ToJson(const std::string& policy, const warming::PlanEstimate& plan) {
  nlohmann::ordered_json json{
      {"policy", policy}, {"entries", OrNull(plan.entries)}, {"exact", plan.exact}};
  json["bySource"] = nlohmann::ordered_json::array();
  for (const auto& [name, entries] : plan.by_source)
    json["bySource"].push_back({{"name", name}, {"entries", OrNull(entries)}});
  json["bytes"] = OrNull(plan.bytes);
  json["durationSeconds"] = plan.duration
                                ? nlohmann::json(static_cast<double>(plan.duration->count()) / 1000)
                                : nlohmann::json();
  json["sampleKeys"] = plan.sample_keys;
  json["sampleURLs"] = plan.sample_urls;
  return json;
}

std::string Count(const std::optional<std::int64_t>& number) {
  return number ? Grouped(*number) : "unknown";
}

std::string Bytes(std::int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return fmt::format(fmt::runtime(unit == 0 ? "{:.0f} {}" : "{:.1f} {}"), value, kUnits[unit]);
}

void WriteTable(std::ostream& out, const std::string& policy, const warming::PlanEstimate& plan,
                std::string_view pace, std::int64_t value_bytes) {
  const std::string about = plan.exact ? "" : "about ";
  out << fmt::format("Policy    {}\nEntries   {}{}\n", policy, plan.entries ? about : "",
                     Count(plan.entries));
  for (const auto& [name, entries] : plan.by_source)
    out << fmt::format("  {:<20} {}\n", name, Count(entries));
  out << fmt::format(
      "Bytes     {}\n",
      plan.bytes ? fmt::format("about {} at {} a value", Bytes(*plan.bytes), Bytes(value_bytes))
                 : "unknown");
  out << fmt::format("Time      {}\n",
                     plan.duration
                         ? fmt::format("about {} at {}",
                                       ShortDuration(std::max(*plan.duration, Millis(100))), pace)
                         : "unknown");
  const auto list = [&](const char* title, const std::vector<std::string>& lines) {
    for (std::size_t i = 0; i < lines.size(); ++i)
      out << fmt::format("{:<9} {}\n", i == 0 ? title : "", lines[i]);
  };
  list("Keys", plan.sample_keys);
  list("URLs", plan.sample_urls);
}

void PlanPolicy(const PlanCommandOptions& options, Environment& environment) {
  const auto loaded = LoadPolicy(options.files, environment, kPlan);
  if (!loaded) return;
  const auto plan = warming::EstimatePlan(loaded->spec, *loaded->materials, options.value_bytes);
  if (!plan)
    return FailInput(
        environment, kPlan,
        fmt::format("{}: WarmingPolicy {}: {}", loaded->file, loaded->name, plan.error().message));
  if (options.output == "json") {
    environment.out
        << ToJson(loaded->name, *plan).dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
        << "\n";
  } else {
    const bool asks = !loaded->spec.policy.origins.empty();
    WriteTable(environment.out, loaded->name, *plan,
               asks ? "the policy's rate" : "50,000 writes a second, for no origin is asked",
               options.value_bytes);
  }
}

}  // namespace

void AddPlanCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand(kPlan, "Say what a run would do, and touch nothing");
  auto options = std::make_shared<PlanCommandOptions>();
  AddPolicyFiles(*command, options->files);
  OneOf(command->add_option("-o,--output", options->output, "How to say it"), {"table", "json"})
      ->capture_default_str();
  Within(command->add_option("--value-bytes", options->value_bytes,
                             "What one value is taken to weigh"),
         1, std::int64_t{1} << 30)
      ->capture_default_str();
  command->footer(
      "Nothing is fetched and nothing is written, so the size of a source that must be fetched is "
      "unknown.\n\n"
      "Examples:\n"
      "  stoker plan -f policy.yaml\n"
      "  stoker plan -f policy.yaml -o json | jq .entries");
  command->callback([options, &environment] { PlanPolicy(*options, environment); });
}

}  // namespace stoker::cli
