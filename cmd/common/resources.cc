#include "cmd/common/resources.h"

#include <algorithm>

#include "controller/warming/net/loop_pool.h"

namespace stoker::cmd {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kBytesOfLoop = 32 * kMiB;  // with its connections, buffers and batches

}  // namespace

void FitToMemory(warming::RunOptions& options, const CgroupFiles& files) {
  const auto memory = CgroupMemory(files);
  if (!memory) return;
  const std::int64_t limit = memory->limit;
  // A value is held up to thrice: as it comes, as it is sent, and as what buffers grew to before.
  options.value_bytes = std::clamp(limit / 8, 2 * kMiB, options.value_bytes);
  options.batch_bytes = std::clamp(limit / 32, kMiB, options.batch_bytes);
  if (options.loops == 0) {
    const auto fit = std::max<std::int64_t>(1, limit / kBytesOfLoop);
    options.loops = static_cast<int>(std::min<std::int64_t>(fit, warming::AvailableCores()));
  }
  options.memory = [files] { return CgroupMemory(files); };
}

}  // namespace stoker::cmd
