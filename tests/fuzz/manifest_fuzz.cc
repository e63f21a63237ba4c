// Whatever is called a manifest is refused with a sentence, or is good, and stays so with its defaults.
#include "controller/api/manifest.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker::api;  // NOLINT(google-build-using-namespace): the whole subject
  using stoker::fuzz::Hold;
  const auto documents = ParseDocuments(stoker::fuzz::Text(data, size));
  if (!documents) {
    Hold(!documents.error().message.empty(), "a refusal says why");
    return 0;
  }
  for (nlohmann::json object : *documents) {
    const auto errors = DefaultAndValidate(object);
    if (!errors.empty()) {
      Hold(!ToError(object, errors).message.empty(), "a refusal says why");
      continue;
    }
    nlohmann::json again = object;
    Hold(DefaultAndValidate(again).empty(), "what is good is good with its defaults");
    Hold(again == object, "defaults are given once");
    if (object.value("kind", "") == "WarmingPolicy") {
      Hold(ToWarmingPolicy(object).has_value(), "what the schema takes, the types take");
    } else {
      Hold(ToPrewarmSchedule(object).has_value(), "what the schema takes, the types take");
    }
  }
  return 0;
}
