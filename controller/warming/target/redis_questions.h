#pragma once

// What a target asks Redis about its keys, and what the answers mean; the same for one server and
// for the nodes of a cluster.
//
// Thread safety: the pipeline's loop.

#include "controller/warming/target/redis_pipeline.h"

namespace stoker::warming {

// One question: whether the key is held, for at least `at_least` more (0: however shortly).
// `asking`: the key's slot is on its way to this node.
void AskPresence(RedisPipeline& node, std::string_view key, Millis at_least, bool asking = false);
[[nodiscard]] bool IsHeld(const Pipeline::Answer& answer, Millis at_least);

// One question: how many bytes the value has.
void AskLength(RedisPipeline& node, std::string_view key, bool asking = false);

// Two questions: the value, and how long it stays.
void AskContent(RedisPipeline& node, std::string_view key, bool asking = false);
[[nodiscard]] Held ToHeld(Pipeline::Answer& value, const Pipeline::Answer& ttl);

// Two questions: memory and evictions.
void AskCapacity(RedisPipeline& node);
[[nodiscard]] tl::expected<Capacity, TargetError> ToCapacity(const std::string& where,
                                                             const Pipeline::Answer& memory,
                                                             const Pipeline::Answer& stats);
// Of a server that may not be asked for its memory, or cannot now: no entry's matter.
[[nodiscard]] TargetError CapacityError(TargetError error);

}  // namespace stoker::warming
