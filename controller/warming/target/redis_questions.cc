#include "controller/warming/target/redis_questions.h"

#include <utility>

namespace stoker::warming {
namespace {

constexpr std::int64_t kNoExpiry = -1;  // as PTTL says it

}  // namespace

void AskPresence(RedisPipeline& node, std::string_view key, Millis at_least) {
  const std::string_view question = at_least.count() > 0 ? "PTTL" : "EXISTS";
  node.Ask({question, key}, RedisPipeline::Expect::kInteger);
}

bool IsHeld(const Pipeline::Answer& answer, Millis at_least) {
  if (at_least.count() <= 0) return answer.integer > 0;
  return answer.integer == kNoExpiry || answer.integer >= at_least.count();
}

void AskContent(RedisPipeline& node, std::string_view key) {
  node.Ask({"GET", key}, RedisPipeline::Expect::kText);
  node.Ask({"PTTL", key}, RedisPipeline::Expect::kInteger);
}

Held ToHeld(Pipeline::Answer& value, const Pipeline::Answer& ttl) {
  Held held;
  held.present = value.present;
  if (held.present && ttl.integer >= 0) held.ttl = Millis(ttl.integer);
  held.value = std::move(value.text);
  return held;
}

}  // namespace stoker::warming
