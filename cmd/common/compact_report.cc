#include "cmd/common/compact_report.h"

#include <nlohmann/json.hpp>

namespace stoker::cmd {
namespace {

// Cuts at the beginning of a UTF-8 character.
void Shorten(std::string& text, std::size_t limit) {
  if (text.size() <= limit) return;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  text.resize(limit);
}

std::string Dump(const warming::Report& report) {
  return warming::ToJson(report).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string CompactReport(warming::Report report, std::size_t limit) {
  auto& failures = report.progress.failures;
  std::string text = Dump(report);
  for (const std::size_t room : {160, 60, 0}) {
    if (text.size() <= limit) return text;
    for (auto& failure : failures) Shorten(failure.sample_message, room);
    text = Dump(report);
  }
  for (const std::size_t room : {200, 60}) {
    if (text.size() <= limit) return text;
    for (auto& failure : failures) Shorten(failure.sample_key, room);
    Shorten(report.message, 5 * room);
    if (report.progress.waiting) Shorten(report.progress.waiting->message, room);
    text = Dump(report);
  }
  while (text.size() > limit && !failures.empty()) {
    failures.pop_back();
    text = Dump(report);
  }
  while (text.size() > limit && !report.progress.targets.empty()) {
    report.progress.targets.pop_back();
    text = Dump(report);
  }
  return text;
}

}  // namespace stoker::cmd
