#pragma once

// The rules of holding a Lease, as pure functions over what was read and when.
//
// Clocks of other machines are not trusted: a lease has expired when *we* have seen the same record
// for as long as it claims to last.
//
// Thread safety: LeaseView belongs to one thread.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::kube {

struct LeaseRecord {
  std::string holder;  // empty: released
  Millis duration{0};
  std::int64_t transitions = 0;
  std::string resource_version;
};

// What the next leader counts as: one more than anybody is known to have counted - the lease as it
// is or was last seen, our own earlier terms, and what leaders of a lease that is gone left behind.
std::int64_t NextTransitions(const LeaseRecord& seen, std::int64_t own, std::int64_t left_behind);

LeaseRecord ParseLease(const nlohmann::json& lease);

// What a replica knows of the lease that it does not hold.
class LeaseView {
 public:
  // Any read of the lease, by GET or watch.
  void Observe(LeaseRecord record, SteadyTime now);
  // It is not there: anybody may create it.
  void ObserveAbsent();

  [[nodiscard]] bool exists() const { return exists_; }
  [[nodiscard]] const LeaseRecord& record() const { return record_; }
  // May `identity` take it now? Its own name on it means an earlier life of this replica.
  [[nodiscard]] bool Free(const std::string& identity, SteadyTime now) const;
  // Until it expires, unless it is renewed.
  [[nodiscard]] Millis Remaining(SteadyTime now) const;

 private:
  bool exists_ = false;
  LeaseRecord record_;
  SteadyTime seen_{};  // when this resourceVersion was first seen
};

// The lease object as `identity` writes it. `previous` (the object that was read, or null) keeps
// what is not ours.
struct LeaseWrite {
  std::string ns, name, identity;
  Millis duration{0};
  std::int64_t transitions = 0;
  WallTime now;
  bool acquiring = false;  // sets acquireTime
};
nlohmann::json HeldLease(const nlohmann::json& previous, const LeaseWrite& write);
nlohmann::json ReleasedLease(const nlohmann::json& held, WallTime now);

}  // namespace stoker::kube
