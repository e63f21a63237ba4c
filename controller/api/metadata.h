#pragma once

// The checks that the API server makes on the metadata of every object, as far as a manifest sets
// it: known fields, names, labels and annotations.
//
// Thread safety: pure.

#include <nlohmann/json.hpp>
#include <vector>

#include "controller/api/manifest.h"

namespace stoker::api {

std::vector<FieldError> UnknownMetadataFields(const nlohmann::json& object);
std::vector<FieldError> CheckMetadata(const nlohmann::json& object);

}  // namespace stoker::api
