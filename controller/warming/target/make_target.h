#pragma once

// From a target of a policy to what makes it on each loop.
//
// Thread safety: MakeTargetFactory is pure but for `materials`; the factory is called on the loop
// that will own the target.

#include <asio/io_context.hpp>
#include <functional>
#include <memory>

#include "controller/api/types.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/net/egress.h"
#include "controller/warming/target/redis_target.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

using TargetFactory = std::function<std::unique_ptr<Target>(asio::io_context&)>;

// Errors name the field below the target.
Result<TargetFactory> MakeTargetFactory(const api::Target& target, const Materials& materials,
                                        std::shared_ptr<const EgressGuard> guard);

// How to connect to it. Errors name the field below `redis`.
Result<RedisOptions> ToRedisOptions(const api::RedisTarget& redis, const Materials& materials);

}  // namespace stoker::warming
