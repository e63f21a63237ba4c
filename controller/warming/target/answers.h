#pragma once

// What a peer answers to the questions of one Probe or Read, gathered in order.
//
// Thread safety: one loop.

#include <asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/warming/net/waiting.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

struct PipelineAnswer {
  bool present = false;
  std::int64_t integer = 0;
  std::optional<std::string> text;
  std::unique_ptr<TargetError> error;  // of this question alone
};

struct PipelineBatch {
  PipelineBatch(asio::io_context& loop, std::size_t count) : waiter(loop), left(count) {
    answers.reserve(count);
  }
  Waiter waiter;
  std::size_t left;
  std::vector<PipelineAnswer> answers;
  std::optional<TargetError> error;  // the first one, or why answers are missing
};

}  // namespace stoker::warming
