#pragma once

// Questions about keys that live on several nodes, asked at once.
//
// Thread safety: the loop of the pipelines.

#include <functional>
#include <memory>
#include <vector>

#include "controller/warming/target/pipeline.h"

namespace stoker::warming {

// Asks question i of nodes[i]: `ask` adds exactly `each` of the protocol's questions to the
// pipeline. The answers come in the order of the questions, `each` a question; where a node failed,
// its answers hold the error.
asio::awaitable<std::vector<Pipeline::Answer>> AskNodes(
    std::vector<std::shared_ptr<Pipeline>> nodes, std::size_t each,
    std::function<void(Pipeline&, std::size_t)> ask, SteadyTime deadline);

}  // namespace stoker::warming
