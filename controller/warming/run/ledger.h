#pragma once

// Which batches are done, in what order ever they finish, and what exactly they came to: the
// content of a checkpoint.
//
// Batches below the low-water mark are done; of the kWindow batches from there on a bitmap says
// which. The reader may not run further ahead than the window, so the ledger never grows.
//
// Thread safety: any thread.

#include <bitset>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "controller/base/result.h"
#include "controller/warming/run/batch.h"
#include "controller/warming/run/run.h"

namespace stoker::warming {

class Ledger {
 public:
  static constexpr std::size_t kWindow = 1024;

  Ledger(std::string plan_hash, Shard shard, std::vector<std::string> target_names);

  // Goes on from a checkpoint. kInvalid when it is of another plan or shard, or damaged.
  Status Resume(const nlohmann::json& data);
  // Forgets where it stood (an Unstable source has no order to resume in).
  void StartOver();

  [[nodiscard]] bool IsDone(std::int64_t number) const;
  [[nodiscard]] bool HasRoom(std::int64_t number) const;
  void Complete(std::int64_t number, const Outcome& outcome);
  void AddVerified(std::int64_t verified, std::int64_t failed);

  [[nodiscard]] nlohmann::json Encode() const;
  [[nodiscard]] Outcome Done() const;
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> Verified() const;

 private:
  const std::string plan_hash_;
  const Shard shard_;
  const std::vector<std::string> targets_;
  mutable std::mutex mutex_;   // protects all below
  std::int64_t low_ = 0;       // every batch below is done
  std::bitset<kWindow> done_;  // batch n at n % kWindow
  Outcome outcome_;
  std::int64_t verified_ = 0, verify_failed_ = 0;
};

}  // namespace stoker::warming
