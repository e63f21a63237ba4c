#include "controller/reconcile/names.h"

#include <fmt/format.h>

#include "controller/base/hash.h"

namespace stoker::reconcile {
namespace {
constexpr std::size_t kShortHash = 10;
}

std::string PlanConfigMapName(std::string_view policy, std::string_view plan_hash) {
  return fmt::format("{}-plan-{}", policy, plan_hash.substr(0, kShortHash));
}

std::string PinnedConfigMapName(std::string_view policy, std::string_view content_hash) {
  return fmt::format("{}-src-{}", policy, content_hash.substr(0, kShortHash));
}

std::string CheckpointName(std::string_view job) { return fmt::format("{}-checkpoint", job); }

std::string RunName(std::string_view policy, std::string_view policy_uid, std::string_view trigger,
                    std::string_view cause, std::string_view previous_run_uid) {
  const std::string hash =
      Sha256Hex(fmt::format("{}\n{}\n{}\n{}", policy_uid, trigger, cause, previous_run_uid));
  return fmt::format("{}-{}", policy, hash.substr(0, kShortHash));
}

std::string ScheduledRunName(std::string_view schedule, WallTime slot) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(slot.time_since_epoch());
  const auto minutes = std::chrono::floor<std::chrono::minutes>(seconds);
  return fmt::format("{}-{}", schedule, minutes == seconds ? minutes.count() : seconds.count());
}

std::string Key(std::string_view ns, std::string_view name) {
  return fmt::format("{}/{}", ns, name);
}

std::pair<std::string, std::string> SplitKey(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return {"", std::string(key)};
  return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

}  // namespace stoker::reconcile
