#pragma once

// Failures sorted by reason: how many, and one example of each.
//
// At most kKinds reasons are told apart and at most kRows are shown, the most frequent first; the
// rest is folded into "Other", so that a million failures fit into a status. Examples are valid
// UTF-8, whatever bytes the keys are.
//
// Thread safety: one thread, or the owner's lock.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/warming/run/report.h"

namespace stoker::warming {

class FailureTable {
 public:
  static constexpr std::size_t kRows = 10;
  static constexpr std::size_t kKinds = 64;
  static constexpr std::size_t kSampleBytes = 256;

  void Add(std::string_view reason, std::string_view key, std::string_view message,
           std::int64_t count = 1);
  void Merge(const FailureTable& other);
  void Merge(const std::vector<FailureCount>& rows);
  [[nodiscard]] std::vector<FailureCount> Rows() const;
  [[nodiscard]] bool empty() const { return kinds_.empty(); }

 private:
  std::map<std::string, FailureCount, std::less<>> kinds_;
};

}  // namespace stoker::warming
