#pragma once

// The text of the CRD files beside this header, compiled in, so that a program needs no file to
// judge a manifest and cannot disagree with the schema it was released with.
//
// Thread safety: pure. Lifetime: the views live as long as the process.

#include <string_view>

namespace stoker::crds {

std::string_view WarmingPolicies();
std::string_view PrewarmSchedules();

}  // namespace stoker::crds
