#pragma once

// What a web server's access log was asked for, the most frequent first; the score is how often.
//
// The whole log is read before the first entry comes; what is kept is at most maxKeys paths, or 256
// MiB of them. From a ConfigMap it is Replayable, from a server or a file, which grow, Unstable.
//
// Thread safety: one loop.

#include <memory>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/source/source.h"

namespace stoker::warming {

// What entries offer to templates.
const std::vector<std::string>& AccessLogVariables();

Result<std::unique_ptr<Source>> MakeAccessLogSource(const api::AccessLogSource& spec,
                                                    const std::vector<std::string>& columns,
                                                    const Materials& materials,
                                                    const SourceHost& host);

}  // namespace stoker::warming
