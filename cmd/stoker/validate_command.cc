#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cmd/stoker/command.h"
#include "cmd/stoker/manifest_files.h"

namespace stoker::cli {
namespace {

void Validate(const std::vector<std::string>& files, Environment& environment) {
  const Manifests manifests = ReadManifests(files, environment.in);
  for (const std::string& note : manifests.notes) environment.err << "note: " << note << "\n";
  for (const std::string& error : manifests.errors) environment.err << error << "\n";
  for (const PolicyManifest& manifest : manifests.policies)
    environment.out << fmt::format("{}: WarmingPolicy {} is good\n", manifest.file,
                                   FullName(manifest.policy.meta));
  for (const ScheduleManifest& manifest : manifests.schedules)
    environment.out << fmt::format("{}: PrewarmSchedule {} is good\n", manifest.file,
                                   FullName(manifest.schedule.meta));
  if (!manifests.errors.empty()) {
    environment.exit_code = kExitBadInput;
  } else if (manifests.policies.empty() && manifests.schedules.empty()) {
    FailInput(environment, "validate",
              "the files hold neither a WarmingPolicy nor a PrewarmSchedule");
  }
}

}  // namespace

void AddValidateCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand("validate", "Judge manifests as the API server would");
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("-f,--filename", *files, "Manifests; - is standard input")
      ->type_name("FILE")
      ->required()
      ->allow_extra_args(false);
  command->footer(
      "Everything that is wrong is said at once, a line each, with the field and the mend. Exit "
      "code 2 then.\n\n"
      "Examples:\n"
      "  stoker validate -f policy.yaml -f schedule.yaml\n"
      "  kubectl kustomize . | stoker validate -f -");
  command->callback([files, &environment] { Validate(*files, environment); });
}

}  // namespace stoker::cli
