#include "cmd/stoker/usage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cmd/stoker/suggest.h"

namespace stoker::cli {
namespace {

std::vector<std::string> FlagsOf(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

// Without CLI11's "--output: " in front, which the sentence says again.
std::string Mend(const CLI::App& command, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return error.what();
  const std::vector<std::string> extras = command.remaining(true);
  const std::string word = extras.empty() ? "" : extras.front();
  const bool flag = word.starts_with('-');
  const std::string nearest = Nearest(word.substr(0, word.find('=')), FlagsOf(command));
  std::string text = fmt::format("{} {} is not known", flag ? "flag" : "argument", word);
  if (flag && !nearest.empty()) text += fmt::format("; did you mean {}?", nearest);
  return text;
}

std::string UnknownCommand(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const std::string nearest = Nearest(word, names);
  return fmt::format("there is no command \"{}\"{}", word,
                     nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
}

int ReportUsage(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv,
                Environment& environment) {
  if (error.get_exit_code() == 0) {  // --help
    const auto parsed = app.get_subcommands();
    environment.out << (parsed.empty() ? app.help() : parsed.front()->help("stoker"));
    return kExitSuccess;
  }
  const auto parsed = app.get_subcommands();
  if (parsed.empty()) {
    const std::string word = argc > 1 ? argv[1] : "";
    const std::string what = word.empty() ? "a command is required"
                             : word.starts_with('-') ? Mend(app, error)
                                                     : UnknownCommand(app, word);
    environment.err << fmt::format("stoker: {}\nSee stoker --help.\n", what);
  } else {
    const std::string& name = parsed.front()->get_name();
    environment.err << fmt::format("stoker: {}: {}\nSee stoker {} --help.\n", name,
                                   Mend(*parsed.front(), error), name);
  }
  return kExitBadInput;
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv, Environment& environment) {
  CLI::App app("Warms caches before traffic reaches them.", "stoker");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  stoker demo                     see it work, with nothing installed\n"
      "  stoker plan -f policy.yaml      what a policy would do\n"
      "  stoker run -f policy.yaml       do it\n"
      "  stoker next -f schedule.yaml    when a schedule is due\n\n"
      "As kubectl-stoker in the PATH it is also `kubectl stoker`.");
  AddRunCommand(app, environment);
  AddPlanCommand(app, environment);
  AddNextCommand(app, environment);
  AddValidateCommand(app, environment);
  AddDemoCommand(app, environment);
  AddVersionCommand(app, environment);
  AddCompletionCommand(app, environment);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ReportUsage(app, error, argc, argv, environment);
  }
  return environment.exit_code;
}

}  // namespace stoker::cli
