#pragma once

// What this process's control group grants it: cores and memory.
//
// A worker that does not know its limits plans for the whole node: as many threads as that has, and
// buffers that get it killed. Both versions of cgroups are read, and all groups up to the root, for
// parents bind too. Inside a container the path that the kernel tells may lie outside what is mounted;
// the root of the mount is then the container's own group.
//
// Thread safety: pure but for the files.

#include <cstdint>
#include <optional>
#include <string>

namespace stoker {

struct CgroupFiles {
  std::string membership = "/proc/self/cgroup";
  std::string mount = "/sys/fs/cgroup";
};

// Cores by the tightest quota; 0: there is none.
double CgroupCores(const CgroupFiles& files = {});

struct MemoryUse {
  std::int64_t used = 0;  // without file pages that the kernel would drop first
  std::int64_t limit = 0;
};
// Of the group with the tightest limit; none: there is no limit.
std::optional<MemoryUse> CgroupMemory(const CgroupFiles& files = {});

}  // namespace stoker
