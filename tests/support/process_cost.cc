#include "tests/support/process_cost.h"

#include <unistd.h>

#include <sstream>
#include <string>

#include "tests/support/process.h"

namespace stoker::testing {

ProcessCost CostOf(pid_t pid) {
  const std::string text = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = text.rfind(')');  // a name may hold anything
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  for (int i = 0; i < 8; ++i) fields >> skipped;
  double pages = 0;
  fields >> pages;
  return {(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)),
          pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20)};
}

}  // namespace stoker::testing
