#pragma once

// Who may begin next when this process executes as many runs as it may.
//
// First come, first served; but a namespace whose runs hold half of the places is passed over while
// others wait, so that nobody's backlog keeps everybody else out. Who does not ask again for a while
// is taken for gone: a run that cannot be begun holds up nobody.
//
// Thread safety: the owner's lock.

#include <map>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::reconcile {

class WaitingLine {
 public:
  static constexpr Millis kForgottenAfter{15'000};
  using Busy = std::map<std::string, int>;  // places taken, by namespace

  struct Waiter {
    std::string job_uid;
    std::string job_key;  // namespace/name
    SteadyTime asked;     // last
  };

  explicit WaitingLine(int places);

  // At the end of the line, or where it stands already.
  void Ask(const std::string& job_key, const std::string& job_uid, SteadyTime now);
  void Leave(const std::string& job_uid);
  [[nodiscard]] bool Holds(const std::string& job_uid) const;
  // Those whose turn it is: no more than there are free places.
  std::vector<Waiter> Next(Busy busy, SteadyTime now);
  // What one namespace may hold while others wait.
  [[nodiscard]] int share() const;

 private:
  const int places_;
  std::vector<Waiter> line_;  // who asked first stands first
};

}  // namespace stoker::reconcile
