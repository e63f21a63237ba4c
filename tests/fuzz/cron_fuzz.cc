// Slots follow each other; none is before the time that was asked about.
#include "controller/base/duration.h"
#include "controller/schedule/cron.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using stoker::fuzz::Hold;
  const std::string_view text = stoker::fuzz::Text(data, size);
  if (const auto duration = stoker::ParseDuration(text)) {
    Hold(stoker::ParseDuration(stoker::FormatDuration(*duration)) == *duration,
         "a duration that was written down is read back");
  }
  const auto cron = stoker::schedule::Cron::Parse(text);
  if (!cron) {
    Hold(!cron.error().message.empty(), "a refusal says why");
    return 0;
  }
  static const auto zone = stoker::schedule::Zone::Find("America/St_Johns");
  stoker::WallTime at{std::chrono::seconds(1'790'000'000)};
  for (int i = 0; i < 8; ++i) {
    const auto next = cron->Next(at, *zone);
    if (!next) break;
    Hold(*next > at, "a slot is after the one before");
    at = *next;
  }
  return 0;
}
