#pragma once

// A map in this process instead of a cache: for trying a policy on a laptop and for tests.
//
// The store is shared by the loops behind striped locks and bounded by bytes (then
// TargetOutOfMemory).
//
// Thread safety: MemoryStore from any thread; the Targets made on it each belong to one loop.

#include <asio/io_context.hpp>
#include <memory>
#include <string>

#include "controller/warming/target/target.h"

namespace stoker::warming {

class MemoryStore {
 public:
  explicit MemoryStore(std::size_t max_bytes = std::size_t{1} << 30);
  ~MemoryStore();
  [[nodiscard]] std::size_t Size() const;
  [[nodiscard]] std::optional<std::string> Get(std::string_view key) const;

 private:
  friend class MemoryTarget;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::unique_ptr<Target> MakeMemoryTarget(asio::io_context& loop,
                                         std::shared_ptr<MemoryStore> store);

}  // namespace stoker::warming
