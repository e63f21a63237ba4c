#pragma once

// One way to log: spdlog to standard error, as JSON lines in a cluster and as plain text on a
// terminal.
//
// A line has a time, a level, a message and fields (key=value), so that a person at 3 a.m. can
// select one run or one policy. Credentials never go in: pass names of Secrets, not their contents.
//
//   Log(LogLevel::kInfo, "run started", {{"policy", "shop/pages"}, {"run", run.name}});
//
// Thread safety: any thread. InitLogging once, first in main.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "controller/base/result.h"

namespace stoker {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

// Accepts "debug", "info", "warn", "error".
Result<LogLevel> ParseLogLevel(std::string_view text);

void InitLogging(LogFormat format, LogLevel level);
void SetLogLevel(LogLevel level);

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;
void Log(LogLevel level, std::string_view message, LogFields fields = {});

inline void LogDebug(std::string_view m, LogFields f = {}) { Log(LogLevel::kDebug, m, f); }
inline void LogInfo(std::string_view m, LogFields f = {}) { Log(LogLevel::kInfo, m, f); }
inline void LogWarn(std::string_view m, LogFields f = {}) { Log(LogLevel::kWarn, m, f); }
inline void LogError(std::string_view m, LogFields f = {}) { Log(LogLevel::kError, m, f); }

}  // namespace stoker
