#pragma once

// The entries of another Redis, with their values and the time they have left: a warm replica, cloned.
//
// Walks by SCAN, which neither blocks the server nor promises an order (Unstable); a key that was
// there all the time is met. What a key is and how long its value is are asked before the value is,
// so that no answer is larger than what is wanted of it. Strings are copied; other types fail their
// entries. A lost connection is dialled again. The walk goes on where it was if the same process
// answers (run_id); else its cursor means nothing there, and the walk begins again: what was
// yielded before comes twice, nothing is left out. A walk that begins too often fails.
//
// Of a Cluster the primaries are walked one after the other. A slot that moved meanwhile may have
// moved from where nobody had looked to where somebody had: so where the slots do not stand at the
// end as at the beginning, or a node says that a key has moved, all walks begin again. So they do
// when a node cannot be reached, for as long as a fail-over may take.
//
// Thread safety: one loop.

#include <memory>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/source/source.h"
#include "controller/warming/target/redis_target.h"

namespace stoker::warming {

// `columns`: what URL templates use, for they are the same for all sources; here they stay empty.
Result<std::unique_ptr<Source>> MakeRedisSource(const api::RedisSource& spec,
                                                const std::vector<std::string>& columns,
                                                const Materials& materials, const SourceHost& host);

// Its parts: one server, and the primaries of a cluster. kConflict: keys have moved to another node.
std::unique_ptr<Source> MakeRedisNodeSource(RedisOptions options, const std::string& match,
                                            std::size_t columns, const SourceHost& host);
std::unique_ptr<Source> MakeRedisClusterSource(RedisOptions options, const std::string& match,
                                               std::size_t columns, const SourceHost& host);
// A cluster's node may say that keys have moved.
Error FromTarget(const TargetError& error);

}  // namespace stoker::warming
