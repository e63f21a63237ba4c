#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cmd/stoker/command.h"
#include "cmd/stoker/options.h"
#include "controller/api/types.h"

namespace stoker::cli {

std::string VersionText() {
  return std::string("stoker ") + STOKER_VERSION + " (" + api::kApiVersion + ")\n";
}

void AddVersionCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  auto output = std::make_shared<std::string>("text");
  OneOf(command->add_option("-o,--output", *output, "How to say it"), {"text", "json"})
      ->capture_default_str();
  command->footer("Examples:\n  stoker version\n  stoker version -o json | jq -r .version");
  command->callback([output, &environment] {
    if (*output == "json") {
      const nlohmann::ordered_json json{
          {"version", STOKER_VERSION}, {"apiVersion", api::kApiVersion}, {"compiler", __VERSION__}};
      environment.out << json.dump() << "\n";
    } else {
      environment.out << VersionText();
    }
  });
}

}  // namespace stoker::cli
