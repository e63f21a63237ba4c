#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cmd/stoker/command.h"
#include "controller/api/types.h"

namespace stoker::cli {

void AddVersionCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  auto output = std::make_shared<std::string>("text");
  command->add_option("-o,--output", *output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([output, &environment] {
    if (*output == "json") {
      const nlohmann::ordered_json json{
          {"version", STOKER_VERSION}, {"apiVersion", api::kApiVersion}, {"compiler", __VERSION__}};
      environment.out << json.dump() << "\n";
    } else {
      environment.out << "stoker " << STOKER_VERSION << " (" << api::kApiVersion << ")\n";
    }
  });
}

}  // namespace stoker::cli
