#include "controller/reconcile/pod_progress.h"

#include <fmt/format.h>

#include <set>

#include "controller/base/json.h"
#include "controller/warming/run/plan_document.h"

namespace stoker::reconcile {
namespace {

constexpr Millis kEvery{1000};

Result<warming::Progress> AskPod(const PodProgress::Getter& get, const std::string& url) {
  STOKER_TRY(const std::string body, get(url));
  STOKER_TRY(const nlohmann::json json, ParseJson(body));
  return warming::ProgressFromJson(json);
}

}  // namespace

PodProgress::PodProgress(Getter get, int threads) : get_(std::move(get)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

PodProgress::~PodProgress() { Stop(); }

void PodProgress::Follow(const std::string& job_uid, const std::vector<WorkerPod>& pods) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> known;
  for (const WorkerPod& pod : pods) {
    known.insert(pod.uid);
    Followed& followed = pods_[pod.uid];
    followed.job_uid = job_uid;
    const bool readable = pod.running && !pod.ip.empty() && !pod.report;
    const bool six = pod.ip.find(':') != std::string::npos;
    followed.url = !readable ? ""
                             : fmt::format("http://{}{}{}:{}/progress", six ? "[" : "", pod.ip,
                                           six ? "]" : "", warming::kWorkerPort);
  }
  std::erase_if(pods_, [&](const auto& pod) {
    return pod.second.job_uid == job_uid && !known.contains(pod.first);
  });
  wake_.notify_all();
}

std::map<std::string, warming::Progress> PodProgress::Latest(const std::string& job_uid) const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, warming::Progress> latest;
  for (const auto& [uid, pod] : pods_) {
    if (pod.job_uid == job_uid && pod.latest) latest.emplace(uid, *pod.latest);
  }
  return latest;
}

void PodProgress::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    wake_.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void PodProgress::Work() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const SteadyTime now = SystemClock().Steady();
    auto next = pods_.end();
    for (auto it = pods_.begin(); it != pods_.end(); ++it) {
      if (it->second.busy || it->second.url.empty()) continue;
      if (next == pods_.end() || it->second.due < next->second.due) next = it;
    }
    if (next == pods_.end()) {
      wake_.wait_for(lock, kEvery);
      continue;
    }
    if (next->second.due > now) {
      wake_.wait_until(lock, next->second.due);
      continue;
    }
    const std::string uid = next->first;
    const std::string url = next->second.url;
    next->second.busy = true;
    next->second.due = now + kEvery;
    lock.unlock();
    auto progress = AskPod(get_, url);
    lock.lock();
    const auto still = pods_.find(uid);
    if (still == pods_.end()) continue;
    still->second.busy = false;
    if (progress) still->second.latest = std::move(*progress);
  }
}

}  // namespace stoker::reconcile
