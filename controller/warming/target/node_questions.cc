#include "controller/warming/target/node_questions.h"

#include <unordered_map>
#include <utility>

namespace stoker::warming {
namespace {

struct NodeBatch {
  std::shared_ptr<Pipeline> node;
  std::size_t questions = 0;
  std::shared_ptr<Pipeline::Batch> batch;
  std::size_t taken = 0;  // answers
};

Pipeline::Answer NextAnswer(NodeBatch& from) {
  if (from.taken < from.batch->answers.size()) {
    return std::move(from.batch->answers[from.taken++]);
  }
  Pipeline::Answer missing;
  missing.error = std::make_unique<TargetError>(*from.batch->error);
  return missing;
}

}  // namespace

asio::awaitable<std::vector<Pipeline::Answer>> AskNodes(
    std::vector<std::shared_ptr<Pipeline>> nodes, std::size_t each,
    std::function<void(Pipeline&, std::size_t)> ask, SteadyTime deadline) {
  std::vector<NodeBatch> batches;
  std::unordered_map<const Pipeline*, std::size_t> known;
  std::vector<std::size_t> batch_of;
  for (const auto& node : nodes) {
    const auto [place, added] = known.emplace(node.get(), batches.size());
    if (added) batches.push_back({node, 0, nullptr, 0});
    ++batches[place->second].questions;
    batch_of.push_back(place->second);
  }
  // A batch's questions must not be parted by another's, so the nodes are served one after another.
  for (std::size_t b = 0; b < batches.size(); ++b) {
    batches[b].batch = batches[b].node->StartBatch(batches[b].questions * each);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (batch_of[i] == b) ask(*nodes[i], i);
    }
    batches[b].node->Flush();
  }
  for (const NodeBatch& batch : batches) {
    co_await Pipeline::Answers(batch.node, batch.batch, deadline);
  }
  std::vector<Pipeline::Answer> answers;
  answers.reserve(nodes.size() * each);
  for (const std::size_t b : batch_of) {
    for (std::size_t i = 0; i < each; ++i) answers.push_back(NextAnswer(batches[b]));
  }
  co_return answers;
}

}  // namespace stoker::warming
