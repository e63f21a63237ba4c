#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/stoker/command.h"
#include "cmd/stoker/options.h"

namespace stoker::cli {
namespace {

std::vector<const CLI::App*> Subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> Spellings(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// What may stand where a command's next word is: its flags, or the words that its argument knows.
std::string NextWords(const CLI::App& command) {
  std::string words;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) {
      words += fmt::format("{} ", fmt::join(WordsOf(*option), " "));
    } else {
      words += fmt::format("{} ", fmt::join(Spellings(*option), " "));
    }
  }
  return words;
}

std::string Names(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : Subcommands(app)) names += command->get_name() + " ";
  return names;
}

// Every flag that takes a value with the words it knows, as arms of a shell's case over "command
// flag"; {names} and {words} are their places in `arm`.
std::string ValueArms(const CLI::App& app, std::string_view arm) {
  std::string arms;
  for (const CLI::App* command : Subcommands(app)) {
    for (const CLI::Option* option : command->get_options()) {
      if (!TakesValue(*option) || option->get_positional()) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : Spellings(*option))
        patterns.push_back(fmt::format("\"{} {}\"", command->get_name(), name));
      arms += fmt::format(fmt::runtime(arm), fmt::arg("names", fmt::join(patterns, "|")),
                          fmt::arg("words", fmt::join(WordsOf(*option), " ")));
    }
  }
  return arms;
}

// A flag's value is one of its words, or else a file; bash takes files itself where there is no
// word.
std::string Bash(const CLI::App& app) {
  std::string script =
      "# bash completion for stoker: source <(stoker completion bash)\n_stoker() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} words=\"" +
      Names(app) +
      "--help --version\"\n"
      "  if ((COMP_CWORD > 1)); then\n"
      "    case \"${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD - 1]}\" in\n";
  script += ValueArms(app, "      {names}) words=\"{words}\" ;;\n");
  for (const CLI::App* command : Subcommands(app))
    script +=
        fmt::format("      \"{} \"*) words=\"{}\" ;;\n", command->get_name(), NextWords(*command));
  script +=
      "      *) words=\"\" ;;\n    esac\n  fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
      "complete -o default -F _stoker stoker kubectl-stoker\n";
  return script;
}

std::string Zsh(const CLI::App& app) {
  std::string script =
      "#compdef stoker kubectl-stoker\n# zsh completion for stoker: source <(stoker completion "
      "zsh)\n"
      "_stoker() {\n  if ((CURRENT == 2)); then\n    compadd -- " +
      Names(app) +
      "--help --version\n    return\n  fi\n"
      "  case \"${words[2]} ${words[CURRENT - 1]}\" in\n";
  script += ValueArms(app, "    {names}) compadd -- {words} || _files ;;\n");
  for (const CLI::App* command : Subcommands(app))
    script +=
        fmt::format("    \"{} \"*) compadd -- {} ;;\n", command->get_name(), NextWords(*command));
  script += "  esac\n}\ncompdef _stoker stoker kubectl-stoker\n";
  return script;
}

std::string FishQuoted(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("'\\", at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  return "'" + text + "'";
}

std::string Fish(const CLI::App& app) {
  std::string script = "# fish completion for stoker: stoker completion fish | source\n";
  for (const CLI::App* command : Subcommands(app)) {
    script += fmt::format("complete -c stoker -f -n __fish_use_subcommand -a {} -d {}\n",
                          command->get_name(), FishQuoted(command->get_description()));
    for (const CLI::Option* option : command->get_options()) {
      std::string names;
      for (const std::string& name : option->get_snames()) names += " -s " + name;
      for (const std::string& name : option->get_lnames()) names += " -l " + name;
      const std::string words = fmt::format("{}", fmt::join(WordsOf(*option), " "));
      if (TakesValue(*option) && !names.empty()) names += " -r";
      if (!words.empty()) names += " -f -a " + FishQuoted(words);
      script += fmt::format("complete -c stoker -n '__fish_seen_subcommand_from {}'{} -d {}\n",
                            command->get_name(), names, FishQuoted(option->get_description()));
    }
  }
  return script + "complete -c kubectl-stoker -w stoker\n";
}

// kubectl asks a program named kubectl_complete-PLUGIN: the words so far are its arguments, and its
// last line says whether files may follow (:0) or not (:4).
std::string Kubectl(const CLI::App& app) {
  return "#!/usr/bin/env bash\n# Completion of `kubectl stoker`: save as kubectl_complete-stoker "
         "in "
         "the PATH, executable\n" +
         Bash(app) +
         "COMP_WORDS=(stoker \"$@\")\nCOMP_CWORD=$#\n_stoker\n"
         "((${#COMPREPLY[@]})) || { echo :0; exit; }\n"
         "printf '%s\\n' \"${COMPREPLY[@]}\" :4\n";
}

}  // namespace

void AddCompletionCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  auto shell = std::make_shared<std::string>();
  OneOf(command->add_option("shell", *shell, "Which shell")->required(),
        {"bash", "zsh", "fish", "kubectl"});
  command->footer(
      "Examples:\n"
      "  source <(stoker completion bash)\n"
      "  stoker completion fish > ~/.config/fish/completions/stoker.fish\n"
      "  stoker completion kubectl > ~/.local/bin/kubectl_complete-stoker   # then chmod +x it");
  command->callback([shell, &app, &environment] {
    const auto script = *shell == "bash"   ? Bash
                        : *shell == "zsh"  ? Zsh
                        : *shell == "fish" ? Fish
                                           : Kubectl;
    environment.out << script(app);
  });
}

}  // namespace stoker::cli
