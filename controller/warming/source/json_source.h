#pragma once

// A list in JSON that a server holds, page by page.
//
// One page is in memory at a time. The next one is where the Link header or a cursor says; a page
// that was read before, or more pages than allowed, end the source with an error, never with a loop.
// Unstable: what a server says may change between two readings.
//
// Thread safety: one loop.

#include <memory>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/source/source.h"

namespace stoker::warming {

Result<std::unique_ptr<Source>> MakeJsonSource(const api::HttpSource& spec,
                                               const std::vector<std::string>& columns,
                                               SourceFetcher& fetcher);

}  // namespace stoker::warming
