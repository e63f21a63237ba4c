#include "controller/base/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <utility>

namespace stoker {
namespace {

// Above this the kernel means "none": v1 says 2^63, less a page.
constexpr std::int64_t kNoLimit = std::int64_t{1} << 60;

// Each folder of the groups that hold this process, from its own up to the root.
void EachGroup(const CgroupFiles& files, const std::string& controller,
               const std::function<void(const std::string& folder, bool v2)>& visit) {
  std::ifstream membership(files.membership);
  for (std::string line; std::getline(membership, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = controllers == ",,";
    if (!v2 && controllers.find("," + controller + ",") == std::string::npos) continue;
    const std::string mount = v2 ? files.mount : files.mount + "/" + controller;
    for (std::string path = line.substr(second + 1);;) {
      visit(path == "/" ? mount : mount + path, v2);
      const auto slash = path.rfind('/');
      if (path.empty() || slash == std::string::npos) break;
      path.resize(slash);
    }
  }
}

// The nth word of a file as a number; none: no such file, or "max".
std::optional<std::int64_t> NumberIn(const std::string& path, int nth = 0) {
  std::ifstream file(path);
  std::string word;
  for (int i = 0; i <= nth; ++i) {
    if (!(file >> word)) return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() ? std::optional(number)
                                                                  : std::nullopt;
}

std::int64_t Statistic(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string found;
  for (std::int64_t value = 0; file >> found >> value;) {
    if (found == name) return value;
  }
  return 0;
}

std::optional<std::int64_t> UsedBytes(const std::string& folder, bool v2) {
  const auto used = NumberIn(folder + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  if (!used) return std::nullopt;
  const auto dropped =
      Statistic(folder + "/memory.stat", v2 ? "inactive_file" : "total_inactive_file");
  return std::max<std::int64_t>(0, *used - dropped);
}

}  // namespace

double CgroupCores(const CgroupFiles& files) {
  double cores = 0;
  EachGroup(files, "cpu", [&](const std::string& folder, bool v2) {
    const auto quota = NumberIn(folder + (v2 ? "/cpu.max" : "/cpu.cfs_quota_us"));
    const auto period =
        v2 ? NumberIn(folder + "/cpu.max", 1) : NumberIn(folder + "/cpu.cfs_period_us");
    if (!quota || !period || *quota <= 0 || *period <= 0) return;
    const double found = static_cast<double>(*quota) / static_cast<double>(*period);
    if (cores == 0 || found < cores) cores = found;
  });
  return cores;
}

std::optional<MemoryUse> CgroupMemory(const CgroupFiles& files) {
  std::optional<MemoryUse> tightest;
  EachGroup(files, "memory", [&](const std::string& folder, bool v2) {
    const auto limit = NumberIn(folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
    if (!limit || *limit <= 0 || *limit >= kNoLimit) return;
    if (tightest && tightest->limit <= *limit) return;
    if (const auto used = UsedBytes(folder, v2)) tightest = MemoryUse{*used, *limit};
  });
  return tightest;
}

}  // namespace stoker
