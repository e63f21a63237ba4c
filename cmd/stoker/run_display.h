#pragma once

// What a person, or a program, sees of a run while it goes on and when it is over.
//
// On a terminal a bar that is drawn over itself ten times a second; elsewhere a line every few
// seconds, as a CI log wants it; with --output json one object a second on standard output, the
// last of which is the tally. Each display decides itself whether it is time for the next one.
//
// Thread safety: one thread.

#include <memory>
#include <ostream>
#include <string>

#include "controller/base/clock.h"
#include "controller/warming/run/report.h"

namespace stoker::cli {

class RunDisplay {
 public:
  virtual ~RunDisplay() = default;
  virtual void Show(const warming::Progress& progress, SteadyTime now) = 0;
  virtual void Say(const std::string& line) = 0;  // between two Shows, on a line of its own
  virtual void Finish(const warming::Report& report) = 0;
};

enum class DisplayKind { kBar, kLines, kJson, kQuiet };

// `out` gets results, `err` what is said meanwhile; `policy` names the policy in both.
std::unique_ptr<RunDisplay> MakeRunDisplay(DisplayKind kind, std::string policy, std::ostream& out,
                                           std::ostream& err, Millis line_every = Millis(5000));

// "looking for entries", then "4,210 of 5,000 found so far, 480/s", then "4,210 of 10,000 (42.1%), 480/s, 12s to go, 3 failed; waiting:
// redis.shop:6379 refused the connection"
std::string ProgressText(const warming::Progress& progress);
// The bar with the same figures, at most `columns` wide.
std::string ProgressBar(const warming::Progress& progress, std::size_t columns);
// The tally and why it failed, in a few lines.
std::string SummaryText(const std::string& policy, const warming::Report& report);

std::string Grouped(std::int64_t number);    // 1234567 is "1,234,567"
std::string ShortDuration(Millis duration);  // "0.8s", "42s", "3m20s"

}  // namespace stoker::cli
