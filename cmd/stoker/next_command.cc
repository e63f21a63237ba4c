#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cmd/stoker/command.h"
#include "cmd/stoker/manifest_files.h"
#include "cmd/stoker/options.h"
#include "controller/schedule/cron.h"

namespace stoker::cli {
namespace {

constexpr char kNext[] = "next";

struct NextCommandOptions {
  std::vector<std::string> files;
  std::string name;  // of several PrewarmSchedules
  std::string schedule;
  std::string zone = "Etc/UTC";
  std::string from;
  int count = 5;
  std::string output = "table";
};

struct Timetable {
  schedule::Cron cron;
  schedule::Zone zone;
};

Result<Timetable> Parse(const std::string& expression, const std::string& zone_name) {
  auto cron = schedule::Cron::Parse(expression);
  if (!cron) return Annotate("--schedule", cron.error());
  auto zone = schedule::Zone::Find(zone_name);
  if (!zone) return Annotate("--zone", zone.error());
  return Timetable{*cron, *zone};
}

Result<Timetable> FromFiles(const NextCommandOptions& options, Environment& environment) {
  const Manifests manifests = ReadManifests(options.files, environment.in);
  if (!manifests.errors.empty()) {
    std::string all;
    for (const std::string& error : manifests.errors) all += (all.empty() ? "" : "\n") + error;
    return Invalid(all);
  }
  const ScheduleManifest* chosen = nullptr;
  for (const ScheduleManifest& manifest : manifests.schedules) {
    const api::ObjectMeta& meta = manifest.schedule.meta;
    if (!options.name.empty() && options.name != meta.name && options.name != FullName(meta))
      continue;
    if (chosen != nullptr)
      return Invalid("the files hold several PrewarmSchedules; choose one with --name NAME");
    chosen = &manifest;
  }
  if (chosen == nullptr) {
    return Invalid(options.name.empty()
                       ? "the files hold no PrewarmSchedule"
                       : "--name " + options.name + ": the files hold no such PrewarmSchedule");
  }
  if (chosen->schedule.spec.suspend)
    environment.err << "note: the schedule is suspended; these are the slots it would have\n";
  return Parse(chosen->schedule.spec.schedule, chosen->schedule.spec.time_zone);
}

Result<Timetable> FindTimetable(const NextCommandOptions& options, Environment& environment) {
  if (options.files.empty() == options.schedule.empty())
    return Invalid("give either -f FILE or --schedule \"0 7 * * *\" (with --zone Europe/Berlin)");
  return options.files.empty() ? Parse(options.schedule, options.zone)
                               : FromFiles(options, environment);
}

void WriteTable(std::ostream& out, const std::vector<WallTime>& slots, const schedule::Zone& zone) {
  out << fmt::format("{:<27} {}\n", zone.name(), "UTC");
  for (const WallTime slot : slots)
    out << fmt::format("{:<27} {}\n", zone.Format(slot), FormatTime(slot));
}

void ShowNext(const NextCommandOptions& options, Environment& environment) {
  const auto timetable = FindTimetable(options, environment);
  if (!timetable) return FailInput(environment, kNext, timetable.error().message);
  WallTime after = SystemClock().Wall();
  if (!options.from.empty()) {
    const auto from = ParseTime(options.from);
    if (!from) return FailInput(environment, kNext, "--from: " + from.error().message);
    after = *from;
  }
  std::vector<WallTime> slots;
  while (slots.size() < static_cast<std::size_t>(options.count)) {
    const auto slot = timetable->cron.Next(after, timetable->zone);
    if (!slot) break;
    slots.push_back(*slot);
    after = *slot;
  }
  if (slots.empty())
    return FailInput(environment, kNext, "the schedule has no slot within five years");
  if (options.output == "json") {
    nlohmann::json times = nlohmann::json::array();
    for (const WallTime slot : slots) times.push_back(FormatTime(slot));
    environment.out << times.dump() << "\n";
  } else {
    WriteTable(environment.out, slots, timetable->zone);
  }
}

}  // namespace

void AddNextCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand(kNext, "Show when a schedule is due next");
  auto options = std::make_shared<NextCommandOptions>();
  command
      ->add_option("-f,--filename", options->files,
                   "Manifests with a PrewarmSchedule; - is standard input")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_option("--name", options->name, "Which schedule, when the files hold several")
      ->type_name("NAME");
  command->add_option("--schedule", options->schedule, "A cron expression, instead of a file")
      ->type_name("CRON");
  command->add_option("--zone", options->zone, "The time zone of --schedule")
      ->type_name("ZONE")
      ->capture_default_str();
  command
      ->add_option("--from", options->from, "Slots after this moment (RFC 3339); now, if not given")
      ->type_name("TIME");
  Within(command->add_option("--count", options->count, "How many slots"), 1, 10'000)
      ->capture_default_str();
  OneOf(command->add_option("-o,--output", options->output,
                            "A table, or an array of RFC 3339 times in UTC"),
        {"table", "json"})
      ->capture_default_str();
  command->footer(
      "A slot in an hour that the clocks skip does not come; in an hour they repeat it comes "
      "twice, as\n"
      "with a CronJob.\n\n"
      "Examples:\n"
      "  stoker next -f schedule.yaml\n"
      "  stoker next --schedule \"0 7,11,17 * * *\" --zone Europe/Berlin --count 6\n"
      "  stoker next -f schedule.yaml --from 2026-03-28T00:00:00Z --count 3 -o json");
  command->callback([options, &environment] { ShowNext(*options, environment); });
}

}  // namespace stoker::cli
