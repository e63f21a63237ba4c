#include "cmd/stoker/run_display.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "controller/base/duration.h"

namespace stoker::cli {
namespace {

using nlohmann::json;
using warming::Progress;
using warming::Report;
using warming::Tally;

constexpr auto kBarEvery = std::chrono::milliseconds(100);
constexpr auto kJsonEvery = std::chrono::seconds(1);
constexpr std::size_t kBarCells = 24;

class Ticker {
 public:
  explicit Ticker(std::chrono::milliseconds every) : every_(every) {}
  bool Due(SteadyTime now) {
    if (last_ && now - *last_ < every_) return false;
    last_ = now;
    return true;
  }

 private:
  std::chrono::milliseconds every_;
  std::optional<SteadyTime> last_;
};

std::size_t TerminalColumns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// Control characters of a key or a server's words must not reach a terminal.
std::string Printable(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return text;
}

std::string Figures(const Progress& progress) {
  const Tally& tally = progress.tally;
  if (tally.discovered == 0 && !progress.enumerated) return "looking for entries";
  const std::int64_t warm = tally.warmed + tally.skipped;
  std::string text = fmt::format("{} of {}", Grouped(warm), Grouped(tally.discovered));
  if (progress.enumerated) {
    // Rounded down, so that 100 % is said when all is warm.
    const std::int64_t permille = tally.discovered == 0 ? 0 : warm * 1000 / tally.discovered;
    text += fmt::format(" ({}.{}%)", permille / 10, permille % 10);
  } else {
    text += " found so far";
  }
  text += fmt::format(", {:.0f}/s", progress.per_second);
  if (progress.eta) text += fmt::format(", {} to go", ShortDuration(*progress.eta));
  if (tally.failed > 0) text += fmt::format(", {} failed", Grouped(tally.failed));
  return text;
}

// What a run does about an origin that is slow or fails; empty: nothing.
std::string Pace(const Progress& progress) {
  if (progress.stopped) {
    const auto& in = progress.stopped->resumes_in;
    return fmt::format("stopped: {}{}", progress.stopped->message,
                       in ? "; goes on in " + ShortDuration(*in) : "");
  }
  if (!progress.circuit_open.empty()) return fmt::format("circuit open: {}", progress.circuit_open);
  if (progress.slowed.empty()) return {};
  return fmt::format("throttled to {} in flight: {}", progress.in_flight_limit, progress.slowed);
}

std::string Waiting(const Progress& progress) {
  if (progress.waiting) return "; waiting: " + Printable(progress.waiting->message);
  if (progress.throttled) return "; waiting: the origin asked for a pause (Retry-After)";
  const std::string pace = Pace(progress);
  return pace.empty() ? pace : "; " + Printable(pace);
}

// What changes when there is something to tell at once; empty: there is not.
std::string News(const Progress& progress) {
  if (progress.waiting) return progress.waiting->reason;
  if (progress.stopped) return "stopped";
  if (!progress.circuit_open.empty()) return "circuit open";
  return progress.slowed.empty() ? "" : "throttled";
}

// One shape for every line: the figures at the top level, where `jq .warmed` finds them, and in the
// last line what the run came to beside them.
void WriteJson(std::ostream& out, const char* type, const std::string& policy,
               const Progress& progress, json object = json::object()) {
  object.erase("progress");
  object.update(warming::ToJson(progress));
  object.erase("tally");
  object.update(warming::ToJson(progress.tally));
  object["type"] = type;
  object["policy"] = policy;
  out << object.dump(-1, ' ', false, json::error_handler_t::replace) << '\n' << std::flush;
}

class BarDisplay final : public RunDisplay {
 public:
  BarDisplay(std::string policy, std::ostream& out, std::ostream& err)
      : policy_(std::move(policy)), out_(out), err_(err) {}
  void Show(const Progress& progress, SteadyTime now) override {
    if (!ticker_.Due(now)) return;
    err_ << "\r\033[K" + ProgressBar(progress, TerminalColumns() - 1) << std::flush;
  }
  void Say(const std::string& line) override { err_ << "\n" + line + "\n" << std::flush; }
  void Finish(const Report& report) override {
    err_ << "\r\033[K" << std::flush;
    out_ << SummaryText(policy_, report) << std::flush;
  }

 private:
  const std::string policy_;
  std::ostream& out_;
  std::ostream& err_;
  Ticker ticker_{kBarEvery};
};

class LineDisplay final : public RunDisplay {
 public:
  LineDisplay(std::string policy, std::ostream& out, std::ostream& err, Millis every)
      : policy_(std::move(policy)), out_(out), err_(err), ticker_(every) {}
  void Show(const Progress& progress, SteadyTime now) override {
    // What a run begins to wait for is told at once: somebody may have to mend it.
    std::string reason = News(progress);
    const bool news = !reason.empty() && reason != told_;
    told_ = std::move(reason);
    if (ticker_.Due(now) || news)
      Say(fmt::format("warming {}: {}", policy_, ProgressText(progress)));
  }
  void Say(const std::string& line) override { err_ << line + "\n" << std::flush; }
  void Finish(const Report& report) override { out_ << SummaryText(policy_, report) << std::flush; }

 private:
  const std::string policy_;
  std::ostream& out_;
  std::ostream& err_;
  Ticker ticker_;
  std::string told_;  // the news, last
};

class JsonDisplay final : public RunDisplay {
 public:
  JsonDisplay(std::string policy, std::ostream& out, std::ostream& err)
      : policy_(std::move(policy)), out_(out), err_(err) {}
  void Show(const Progress& progress, SteadyTime now) override {
    if (ticker_.Due(now)) WriteJson(out_, "progress", policy_, progress);
  }
  void Say(const std::string& line) override { err_ << line + "\n" << std::flush; }
  void Finish(const Report& report) override {
    WriteJson(out_, "report", policy_, report.progress, warming::ToJson(report));
  }

 private:
  const std::string policy_;
  std::ostream& out_;
  std::ostream& err_;
  Ticker ticker_{kJsonEvery};
};

class QuietDisplay final : public RunDisplay {
 public:
  QuietDisplay(std::string policy, std::ostream& out, std::ostream& err)
      : policy_(std::move(policy)), out_(out), err_(err) {}
  void Show(const Progress&, SteadyTime) override {}
  void Say(const std::string& line) override { err_ << line + "\n" << std::flush; }
  void Finish(const Report& report) override { out_ << SummaryText(policy_, report) << std::flush; }

 private:
  const std::string policy_;
  std::ostream& out_;
  std::ostream& err_;
};

const char* Outcome(Report::Result result) {
  switch (result) {
    case Report::Result::kSucceeded:
      return "warmed";
    case Report::Result::kFailed:
      return "failed";
    case Report::Result::kCancelled:
      return "stopped";
  }
  return "failed";
}

}  // namespace

std::string Grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string ShortDuration(Millis duration) {
  using std::chrono::floor;
  using std::chrono::seconds;
  if (duration < seconds(10))
    return fmt::format("{:.1f}s", static_cast<double>(duration.count()) / 1000);
  return FormatDuration(floor<seconds>(duration));
}

std::string ProgressText(const Progress& progress) { return Figures(progress) + Waiting(progress); }

std::string ProgressBar(const Progress& progress, std::size_t columns) {
  const double part = progress.enumerated ? std::clamp(progress.percent, 0.0, 100.0) / 100 : 0;
  const auto cells = static_cast<std::size_t>(part * kBarCells);
  std::string line = "[" + std::string(cells, '#') + std::string(kBarCells - cells, '.') + "] " +
                     ProgressText(progress);
  if (line.size() > columns) line.resize(columns);
  return line;
}

std::string SummaryText(const std::string& policy, const Report& report) {
  const Tally& tally = report.progress.tally;
  std::string text =
      fmt::format("{}: {} in {}: {} warmed, {} already there, {} failed", policy,
                  Outcome(report.result), ShortDuration(report.duration), Grouped(tally.warmed),
                  Grouped(tally.skipped), Grouped(tally.failed));
  if (tally.left > 0) text += fmt::format(", {} left", Grouped(tally.left));
  text += fmt::format(" of {} discovered", Grouped(tally.discovered));
  if (tally.verified > 0) text += fmt::format("; {} read back", Grouped(tally.verified));
  text += "\n";
  if (report.result != Report::Result::kSucceeded)
    text += fmt::format("{}: {}\n", report.reason,
                        Printable(report.cause.empty() ? report.message : report.cause));
  for (const auto& failure : report.progress.failures)
    text += fmt::format("  {:>8}  {}  {}: {}\n", Grouped(failure.count), failure.reason,
                        Printable(failure.sample_key), Printable(failure.sample_message));
  return text;
}

std::unique_ptr<RunDisplay> MakeRunDisplay(DisplayKind kind, std::string policy, std::ostream& out,
                                           std::ostream& err, Millis line_every) {
  switch (kind) {
    case DisplayKind::kBar:
      return std::make_unique<BarDisplay>(std::move(policy), out, err);
    case DisplayKind::kLines:
      return std::make_unique<LineDisplay>(std::move(policy), out, err, line_every);
    case DisplayKind::kJson:
      return std::make_unique<JsonDisplay>(std::move(policy), out, err);
    case DisplayKind::kQuiet:
      break;
  }
  return std::make_unique<QuietDisplay>(std::move(policy), out, err);
}

}  // namespace stoker::cli
