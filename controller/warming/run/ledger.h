#pragma once

// Which batches are done, in what order ever they finish, and what exactly they came to: the
// content of a checkpoint.
//
// Batches below the low-water mark are done; of the kWindow batches from there on a bitmap says
// which; for Keyset sources a cursor says where to go on. The reader may not run further ahead than
// the window, so the ledger never grows.
//
// Thread safety: any thread.

#include <bitset>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "controller/base/result.h"
#include "controller/warming/plan/shard.h"
#include "controller/warming/run/batch.h"

namespace stoker::warming {

class Ledger {
 public:
  static constexpr std::size_t kWindow = 1024;

  Ledger(std::string plan_hash, Shard shard, std::vector<std::string> target_names);

  // Goes on from a checkpoint. kInvalid when it is of another plan or shard, or damaged.
  Status Resume(const nlohmann::json& data);
  // Forgets where it stood (an Unstable source has no order to resume in).
  void StartOver();
  // For Keyset sources, before anything else: another enumeration cuts its batches elsewhere, so a
  // checkpoint holds what lies below the low-water mark alone, and the cursor that stood there.
  void KeepCursors() { keyset_ = true; }
  // Null where there is none.
  [[nodiscard]] nlohmann::json Cursor() const;
  // The number of the first batch to read.
  [[nodiscard]] std::int64_t First() const;

  [[nodiscard]] bool IsDone(std::int64_t number) const;
  [[nodiscard]] bool HasRoom(std::int64_t number) const;
  void Complete(std::int64_t number, const Outcome& outcome, nlohmann::json cursor = nullptr);
  void AddVerified(std::int64_t verified, std::int64_t failed);

  [[nodiscard]] nlohmann::json Encode() const;
  [[nodiscard]] Outcome Done() const;
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> Verified() const;

 private:
  const std::string plan_hash_;
  const Shard shard_;
  const std::vector<std::string> targets_;
  bool keyset_ = false;        // constant once the run starts
  mutable std::mutex mutex_;   // protects all below
  std::int64_t low_ = 0;       // every batch below is done
  std::bitset<kWindow> done_;  // batch n at n % kWindow
  Outcome outcome_;
  struct Ahead {  // a batch that is done while one before it is not
    Outcome outcome;
    nlohmann::json cursor;
  };
  std::map<std::int64_t, Ahead> ahead_;  // keyset only, as the next
  nlohmann::json cursor_;
  std::int64_t verified_ = 0, verify_failed_ = 0;
};

}  // namespace stoker::warming
