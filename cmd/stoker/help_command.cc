#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cmd/stoker/command.h"
#include "cmd/stoker/options.h"

namespace stoker::cli {

void AddHelpCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand("help", "Explain a command; also stoker COMMAND --help");
  std::vector<std::string> names;
  for (const CLI::App* known : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(known->get_name());
  auto name = std::make_shared<std::string>();
  OneOf(command->add_option("command", *name, "Which command; none: all of them"), names);
  command->footer("Examples:\n  stoker help\n  stoker help run");
  command->callback([name, &app, &environment] {
    // app.help() would speak of the command that was parsed: this one.
    const std::string own =
        app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
    environment.out << (name->empty() ? own : app.get_subcommand(*name)->help("stoker"));
  });
}

}  // namespace stoker::cli
