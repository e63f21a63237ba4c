#pragma once

// The text that a source reads of a ConfigMap, gzip or not.
//
// A ConfigMap holds a mebibyte; what that inflates to is bounded, for it is read by whoever plans a
// run, too.
//
// Thread safety: pure; the reader is one thread's.

#include <memory>

#include "controller/api/types.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/source/byte_reader.h"

namespace stoker::warming {

inline constexpr std::uint64_t kMaxConfigMapText = 64 << 20;  // inflated

// Errors name the field below `source` ("static"): at once "configMapRef", while reading the whole
// of it, "static.configMapRef".
Result<std::unique_ptr<ByteReader>> OpenConfigMap(const char* source, const api::KeyRef& ref,
                                                  const Materials& materials);

}  // namespace stoker::warming
