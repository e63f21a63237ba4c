#pragma once

// A run's report in the room that Kubernetes gives a container's last words.
//
// A termination message holds 4,096 bytes and is cut beyond them, which would leave broken JSON.
// What explains goes first (messages, sample keys, rows of failures), the tally never.
//
// Thread safety: pure function.

#include <cstddef>
#include <string>

#include "controller/warming/run/report.h"

namespace stoker::cmd {

inline constexpr std::size_t kTerminationMessageBytes = 4096;

// Compact JSON of at most `limit` bytes that warming::ReportFromJson reads.
std::string CompactReport(warming::Report report, std::size_t limit = kTerminationMessageBytes);

}  // namespace stoker::cmd
