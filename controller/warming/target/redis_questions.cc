#include "controller/warming/target/redis_questions.h"

#include <charconv>
#include <utility>

namespace stoker::warming {
namespace {

constexpr std::int64_t kNoExpiry = -1;  // as PTTL says it

// "used_memory:1048576\r\n" among other lines.
std::int64_t InfoNumber(const std::optional<std::string>& info, std::string_view name) {
  if (!info) return 0;
  const std::string mark = "\n" + std::string(name) + ":";
  const auto at = info->find(mark);
  if (at == std::string::npos) return 0;
  std::int64_t number = 0;
  const char* const begin = info->data() + at + mark.size();
  std::from_chars(begin, info->data() + info->size(), number);
  return number;
}

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

Capacity ToCapacity(const std::string& where, const Pipeline::Answer& memory,
                    const Pipeline::Answer& stats) {
  Capacity capacity;
  capacity.where = where;
  capacity.used_bytes = InfoNumber(memory.text, "used_memory");
  capacity.most_bytes = InfoNumber(memory.text, "maxmemory");
  capacity.evicted = InfoNumber(stats.text, "evicted_keys");
  return capacity;
}

TargetError CapacityError(TargetError error) {
  if (error.reason == "TargetAuth") error.message += "; and INFO, for spec.targets[].capacity";
  error.whole_target = true;
  return error;
}

}  // namespace stoker::warming
