#pragma once

// Several origins, asked in their order until one has the entry.
//
// The next one is asked
//   at once                  where this one says that it has no such entry, or cannot be reached
//   when the retries are up  where it fails in a way that may pass: 5xx, a timeout, a broken answer
//   never                    where a person must mend it: 401, an untrusted certificate, a refused
//                            address, a value that is too large
// An origin that cannot be reached now is left out for a second, then ever longer, up to ten, with one
// entry at a time to see whether it is back; the last one is always asked. Where none has the
// entry, the failure that may still pass is the one that is told.
//
// Thread safety: one loop. Shutdown: Cancel() cancels them all.

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "controller/warming/origin/origin.h"

namespace stoker::warming {

class OriginChain final : public Origin {
 public:
  // `retry_limit`: an entry that failed so often is not tried again.
  OriginChain(std::vector<std::unique_ptr<Origin>> origins, int retry_limit,
              const Clock& clock = SystemClock());

  asio::awaitable<FetchResult> Fetch(Question& question, const Leave& leave) override;
  void Cancel() override;

 private:
  struct Link {
    std::unique_ptr<Origin> origin;
    Millis pause{0};                  // 0: it answers
    SteadyTime left_out_until{};      // with a pause
    std::optional<FetchError> error;  // why it is left out
  };

  bool LeftOut(Link& link) const;
  void Note(Link& link, const FetchError& error) const;
  [[nodiscard]] bool AsksNext(const FetchError& error, int tries) const;

  const int retry_limit_;
  const Clock& clock_;
  std::vector<Link> links_;
};

}  // namespace stoker::warming
