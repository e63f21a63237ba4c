#include "controller/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>

#include "controller/base/clock.h"

namespace stoker {
namespace {

std::atomic<bool> json_lines{false};

spdlog::level::level_enum Level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("stoker",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");  // the line is built whole here, in both formats
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return logger;
}

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "info";
}

}  // namespace

Result<LogLevel> ParseLogLevel(std::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError})
    if (text == Name(level)) return level;
  return Invalid("log level \"" + std::string(text) + "\" is none of debug, info, warn, error");
}

void InitLogging(LogFormat format, LogLevel level) {
  json_lines = format == LogFormat::kJson;
  SetLogLevel(level);
}

void SetLogLevel(LogLevel level) { Logger()->set_level(Level(level)); }

void Log(LogLevel level, std::string_view message, LogFields fields) {
  const auto logger = Logger();
  if (!logger->should_log(Level(level))) return;
  const std::string now = FormatMicroTime(SystemClock().Wall());
  std::string line;
  if (json_lines) {
    nlohmann::ordered_json object{{"time", now}, {"level", Name(level)}, {"msg", message}};
    for (const auto& [key, value] : fields) object[std::string(key)] = value;
    line = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    line = now + " " + std::string(Name(level)) + " " + std::string(message);
    for (const auto& [key, value] : fields) line += " " + std::string(key) + "=" + value;
  }
  logger->log(Level(level), "{}", line);
}

}  // namespace stoker
