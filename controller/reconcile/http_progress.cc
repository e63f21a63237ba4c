#include "controller/reconcile/pod_progress.h"
#include "controller/warming/net/egress.h"
#include "controller/warming/origin/http_client.h"

namespace stoker::reconcile {

PodProgress::Getter HttpProgressGetter() {
  return [](const std::string& url) -> Result<std::string> {
    constexpr Millis kTimeout{1000};
    constexpr std::size_t kMaxBody = 64 << 10;
    // Pods live at any address that the cluster gives them.
    STOKER_TRY(const auto guard, warming::EgressGuard::Make(false, {}, {}));
    return warming::HttpGet(url, kTimeout, kMaxBody, guard);
  };
}

}  // namespace stoker::reconcile
