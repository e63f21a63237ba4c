#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cmd/stoker/command.h"

namespace stoker::cli {
namespace {

std::vector<const CLI::App*> Subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "-f --filename --policy ...", the way a shell wants its words.
std::string Flags(const CLI::App& command) {
  std::string flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_snames()) flags += "-" + name + " ";
    for (const std::string& name : option->get_lnames()) flags += "--" + name + " ";
  }
  return flags;
}

std::string Names(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : Subcommands(app)) names += command->get_name() + " ";
  return names;
}

std::string Bash(const CLI::App& app) {
  std::string script = "# bash completion for stoker: source <(stoker completion bash)\n_stoker() {\n"
                       "  local word=${COMP_WORDS[COMP_CWORD]} words=\"" + Names(app) + "--help\"\n"
                       "  if ((COMP_CWORD > 1)); then\n    case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* command : Subcommands(app)) {
    const std::string extra = command->get_name() == "completion" ? "bash zsh fish" : "";
    script += fmt::format("      {}) words=\"{}{}\" ;;\n", command->get_name(), Flags(*command), extra);
  }
  script += "      *) words=\"\" ;;\n    esac\n  fi\n"
            "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
            "complete -o default -F _stoker stoker\n";
  return script;
}

std::string Zsh(const CLI::App& app) {
  std::string script = "#compdef stoker\n# zsh completion for stoker: source <(stoker completion zsh)\n"
                       "_stoker() {\n  if ((CURRENT == 2)); then\n    compadd -- " + Names(app) +
                       "\n    return\n  fi\n  case ${words[2]} in\n";
  for (const CLI::App* command : Subcommands(app)) {
    const std::string extra = command->get_name() == "completion" ? "bash zsh fish" : "";
    script += fmt::format("    {}) compadd -- {}{} ;;\n", command->get_name(), Flags(*command), extra);
  }
  script += "  esac\n  _files\n}\ncompdef _stoker stoker\n";
  return script;
}

std::string FishQuoted(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("'\\", at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return "'" + text + "'";
}

std::string Fish(const CLI::App& app) {
  std::string script = "# fish completion for stoker: stoker completion fish | source\n";
  for (const CLI::App* command : Subcommands(app)) {
    script += fmt::format("complete -c stoker -f -n __fish_use_subcommand -a {} -d {}\n", command->get_name(),
                          FishQuoted(command->get_description()));
    for (const CLI::Option* option : command->get_options()) {
      std::string names;
      for (const std::string& name : option->get_snames()) names += " -s " + name;
      for (const std::string& name : option->get_lnames()) names += " -l " + name;
      if (names.empty()) continue;
      script += fmt::format("complete -c stoker -n '__fish_seen_subcommand_from {}'{} -d {}\n",
                            command->get_name(), names, FishQuoted(option->get_description()));
    }
  }
  return script + "complete -c stoker -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
}

}  // namespace

void AddCompletionCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "Examples:\n"
      "  source <(stoker completion bash)\n"
      "  stoker completion fish > ~/.config/fish/completions/stoker.fish");
  command->callback([shell, &app, &environment] {
    environment.out << (*shell == "bash" ? Bash(app) : *shell == "zsh" ? Zsh(app) : Fish(app));
  });
}

}  // namespace stoker::cli
