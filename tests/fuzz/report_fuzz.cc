// Reports come from pods, and ledgers from whoever may write a ConfigMap: one that is taken comes back
// as it was.
#include "controller/base/json.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker::warming;  // NOLINT(google-build-using-namespace): the whole subject
  using stoker::fuzz::Hold;
  const auto json = stoker::ParseJson(stoker::fuzz::Text(data, size));
  if (!json) return 0;
  if (const auto report = ReportFromJson(*json)) {
    const nlohmann::json once = ToJson(*report);
    const auto again = ReportFromJson(once);
    Hold(again.has_value(), "what was written is read");
    Hold(ToJson(*again) == once, "what was read is written as it was");
  }
  static_cast<void>(ProgressFromJson(*json));
  return 0;
}
