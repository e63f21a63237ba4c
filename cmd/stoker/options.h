#pragma once

// Flags whose complaints say what would have been right: "--output: must be text or json, not
// \"xml\"".
//
// The library's own checks name the value that is wrong; these name the values that are right, in
// the sentence and in the help.
//
// Thread safety: main thread only.

#include <CLI/Option.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace stoker::cli {

// A closed list of words; the help shows them as text|json.
CLI::Option* OneOf(CLI::Option* option, const std::vector<std::string>& words);

// A whole number with bounds; the help shows it as N.
CLI::Option* Within(CLI::Option* option, std::int64_t lowest, std::int64_t highest);

// The words of OneOf, for completions; empty for every other option.
std::vector<std::string> WordsOf(const CLI::Option& option);

// "text, json or yaml".
std::string Enumerated(const std::vector<std::string>& words);

}  // namespace stoker::cli
