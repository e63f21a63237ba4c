#include "controller/warming/target/redis_questions.h"

#include <utility>

#include "controller/warming/target/stat_lines.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

constexpr std::int64_t kNoExpiry = -1;  // as PTTL says it

}  // namespace

void AskPresence(RedisPipeline& node, std::string_view key, Millis at_least, bool asking) {
  if (asking) node.Asking();
  const std::string_view question = at_least.count() > 0 ? "PTTL" : "EXISTS";
  node.Ask({question, key}, RedisPipeline::Expect::kInteger);
}

bool IsHeld(const Pipeline::Answer& answer, Millis at_least) {
  if (at_least.count() <= 0) return answer.integer > 0;
  return answer.integer == kNoExpiry || answer.integer >= at_least.count();
}

void AskLength(RedisPipeline& node, std::string_view key, bool asking) {
  if (asking) node.Asking();
  node.Ask({"STRLEN", key}, RedisPipeline::Expect::kInteger);
}

void AskContent(RedisPipeline& node, std::string_view key, bool asking) {
  if (asking) node.Asking();
  node.Ask({"GET", key}, RedisPipeline::Expect::kText);
  if (asking) node.Asking();
  node.Ask({"PTTL", key}, RedisPipeline::Expect::kInteger);
}

Held ToHeld(Pipeline::Answer& value, const Pipeline::Answer& ttl) {
  Held held;
  held.present = value.present;
  if (held.present && ttl.integer >= 0) held.ttl = Millis(ttl.integer);
  held.value = std::move(value.text);
  return held;
}

void AskCapacity(RedisPipeline& node) {
  node.Ask({"INFO", "memory"}, RedisPipeline::Expect::kText);
  node.Ask({"INFO", "stats"}, RedisPipeline::Expect::kText);
}

tl::expected<Capacity, TargetError> ToCapacity(const std::string& where,
                                               const Pipeline::Answer& memory,
                                               const Pipeline::Answer& stats) {
  for (const Pipeline::Answer* answer : {&memory, &stats}) {
    if (answer->error) return tl::make_unexpected(CapacityError(*answer->error));
  }
  const std::string memory_lines = memory.text.value_or("");
  const auto used = NumberBehind(memory_lines, "used_memory:");
  const auto most = NumberBehind(memory_lines, "maxmemory:");
  const auto evicted = NumberBehind(stats.text.value_or(""), "evicted_keys:");
  if (!used || !most || !evicted) {
    return tl::make_unexpected(
        TellsNoCapacity(where, "INFO tells no used_memory, maxmemory or evicted_keys"));
  }
  return Capacity{where, *used, *most, *evicted};
}

TargetError CapacityError(TargetError error) {
  if (error.reason == "TargetAuth") error.message += "; and INFO, for spec.targets[].capacity";
  error.whole_target = true;
  return error;
}

}  // namespace stoker::warming
