#pragma once

// Cuts a stream of bytes into lines: a chunk of HTTP is not an event of Kubernetes.
//
// Thread safety: one thread.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace stoker::kube {

class LineCutter {
 public:
  explicit LineCutter(std::size_t max_line) : max_line_(max_line) {}

  // Calls `on_line` for each line that `bytes` completes, without its end; empty lines are skipped.
  // False when `on_line` returned false (nothing is cut after that); kExhausted when a line exceeds
  // the cap.
  Result<bool> Feed(std::string_view bytes, const std::function<bool(std::string_view)>& on_line);

 private:
  const std::size_t max_line_;
  std::string partial_;
};

}  // namespace stoker::kube
