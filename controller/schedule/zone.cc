#include "controller/schedule/zone.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <exception>

namespace stoker::schedule {
namespace {

Error Unknown(std::string_view name) {
  return Invalid(fmt::format(
      "time zone \"{}\" is not known; use an IANA name such as Europe/Berlin or Etc/UTC",
      name.substr(0, 64)));
}

}  // namespace

Result<Zone> Zone::Find(std::string_view name) {
  if (name.empty())
    return Invalid("the time zone is empty; use an IANA name such as Europe/Berlin");
  // Variants of the database itself and files beside it, not names of places.
  for (const std::string_view prefix : {"posix/", "right/", "posixrules", "localtime", "/", "."})
    if (name.starts_with(prefix)) return Unknown(name);
  Zone zone;
  zone.name_ = std::string(name);
  try {
    const date::time_zone* found = date::locate_zone(zone.name_);
    (void)found->get_info(
        date::sys_seconds{});  // reads the zone's file now rather than at the first slot
    zone.zone_ = found;
  } catch (const std::exception&) {
    return Unknown(name);
  }
  return zone;
}

Zone::Period Zone::At(std::chrono::sys_seconds instant) const {
  const date::sys_info info = static_cast<const date::time_zone*>(zone_)->get_info(instant);
  return {info.begin, info.end, info.offset};
}

std::string Zone::Format(WallTime time) const {
  using std::chrono::floor;
  const auto instant = floor<std::chrono::seconds>(time);
  const std::chrono::seconds offset = At(instant).offset;
  std::string text = FormatTime(instant + offset);
  text.pop_back();  // the Z
  const long minutes = std::abs(offset.count()) / 60;
  return text +
         fmt::format("{}{:02}:{:02}", offset.count() < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace stoker::schedule
