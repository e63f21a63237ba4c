#include "cmd/stoker/usage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cmd/stoker/options.h"
#include "controller/base/suggest.h"

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

std::string UnknownWord(const CLI::App& command, const std::string& word) {
  if (!word.starts_with('-')) {
    const bool takes_files = command.get_option_no_throw("--filename") != nullptr;
    return fmt::format("argument \"{}\" is not known{}", word,
                       takes_files ? "; each file needs its own -f" : "");
  }
  const std::string nearest = Nearest(word.substr(0, word.find('=')), FlagsOf(command));
  return fmt::format("flag {} is not known{}", word,
                     nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
}

// The option that the library's sentence begins with: "--filename: 1 required FILE missing".
const CLI::Option* Subject(const CLI::App& command, const std::string& sentence) {
  return command.get_option_no_throw(sentence.substr(0, sentence.find_first_of(": ")));
}

// "-f FILE", or "shell" where it is known by its place.
std::string Spelled(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name();
  const std::string flag = option.get_snames().empty() ? "--" + option.get_lnames().front()
                                                       : "-" + option.get_snames().front();
  return fmt::format("{} {}", flag, option.get_type_name());
}

// What is wrong and how to mend it, in our words where the library's do not help.
std::string Mend(const CLI::App& command, const CLI::ParseError& error) {
  // A mistyped flag is also a required one that is missing: the typing is what there is to mend.
  if (const auto extras = command.remaining(true); !extras.empty())
    return UnknownWord(command, extras.front());
  std::string sentence = error.what();
  const CLI::Option* option = Subject(command, sentence);
  if (option == nullptr) return sentence;
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const std::vector<std::string> words = WordsOf(*option);
    return Spelled(*option) + " is required" + (words.empty() ? "" : ": " + Enumerated(words));
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return Spelled(*option) +
           (option->get_expected_max() > 1 ? " takes one value" : " takes one value, once");
  return sentence;
}

std::string UnknownCommand(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const std::string nearest = Nearest(word, names);
  return fmt::format("there is no command \"{}\"{}", word,
                     nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
}

int ReportUsage(const CLI::App& app, const CLI::ParseError& error, int argc,
                const char* const* argv, Environment& environment) {
  if (error.get_exit_code() == 0) {  // --help, --version
    const auto parsed = app.get_subcommands();
    if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr) {
      environment.out << VersionText();
    } else {
      environment.out << (parsed.empty() ? app.help() : parsed.front()->help("stoker"));
    }
    return kExitSuccess;
  }
  const auto parsed = app.get_subcommands();
  if (parsed.empty()) {
    const std::string word = argc > 1 ? argv[1] : "";
    const std::string what = word.empty()            ? "a command is required"
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
  app.set_version_flag("-V,--version", VersionText(), "Print the version");
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
  AddHelpCommand(app, environment);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ReportUsage(app, error, argc, argv, environment);
  }
  return environment.exit_code;
}

}  // namespace stoker::cli
