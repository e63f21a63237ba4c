#pragma once

// Writes a status only when it changed, and only over the version it was decided from.
//
// Thread safety: pure, but for WriteStatus, which is as safe as the client.

#include <nlohmann/json.hpp>
#include <string_view>

#include "controller/kube/client.h"

namespace stoker::reconcile {

// The JSON merge patch (RFC 7386) that makes `after` of `before`; empty object: they are equal.
nlohmann::json MergeDiff(const nlohmann::json& before, const nlohmann::json& after);

// Patches `object`'s status to `status`, refused with kConflict when somebody wrote since `object`
// was read. Returns the object as it now is; without a request when nothing changed.
Result<nlohmann::json> WriteStatus(kube::Client& client, const kube::Resource& resource,
                                   const nlohmann::json& object, const nlohmann::json& status);

}  // namespace stoker::reconcile
