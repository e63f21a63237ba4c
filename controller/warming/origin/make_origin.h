#pragma once

// From a policy's origin to what makes it on each loop.
//
// Thread safety: pure, but for what Materials does; a factory is called on the loop that will own
// what it makes.

#include <asio/io_context.hpp>
#include <functional>
#include <memory>

#include "controller/api/types.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/net/egress.h"
#include "controller/warming/origin/origin.h"
#include "controller/warming/origin/through_caches.h"
#include "controller/warming/pace/byte_budget.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

using OriginFactory = std::function<std::unique_ptr<Origin>(asio::io_context&)>;

struct OriginSurroundings {  // what an origin shares with the others of its run
  const Materials& materials;
  std::shared_ptr<const EgressGuard> guard;
  std::shared_ptr<ByteBudget> budget;  // of values in memory
  int in_flight = 1;                   // requests at most
  std::size_t batch_size = 100;        // entries in one query
};

// `address`: how an entry is asked for, over the values of a Question. Errors name the field within
// the origin.
Result<OriginFactory> MakeOriginFactory(const api::Origin& origin, Template address,
                                        const OriginSurroundings& surroundings);

// A target that is fetched through; `url` as above.
Result<ThroughCacheOptions> ToThroughCache(const api::HttpCacheTarget& cache, Template url,
                                           const Materials& materials, int in_flight);

}  // namespace stoker::warming
