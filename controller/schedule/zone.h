#pragma once

// A time zone of the system's IANA database.
//
// Schedules are written in the wall time of a place, and places change their clocks: At() says
// which offset holds at an instant and from when to when, which is all that finding a slot needs.
//
// The database gives transitions up to 2037; the last offset is taken to hold after that.
//
// Thread safety: const methods from any thread. Lifetime: the database is read once and lives as
// long as the process.

#include <chrono>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace stoker::schedule {

class Zone {
 public:
  // kInvalid for "Local", an empty name and what the database does not know. Names are
  // case-sensitive.
  static Result<Zone> Find(std::string_view name);

  // "2026-11-27T07:00:00+01:00"
  [[nodiscard]] std::string Format(WallTime time) const;
  [[nodiscard]] const std::string& name() const { return name_; }

  // The stretch of time around `instant` with one offset from UTC: begin <= instant < end.
  struct Period {
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end;
    std::chrono::seconds offset{0};
  };
  [[nodiscard]] Period At(std::chrono::sys_seconds instant) const;

 private:
  std::string name_;
  const void* zone_ = nullptr;  // const date::time_zone*
};

}  // namespace stoker::schedule
