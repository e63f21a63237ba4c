#pragma once

// A Transport that answers from a script, without a network or threads of its own.
//
// It asks the fence as every Transport does.
//
// Thread safety: any thread. Answers are used in order; when they have run out, Do() is
// kUnavailable and Stream() waits for its stop.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "controller/kube/transport.h"

namespace stoker::kube {

class ScriptedTransport final : public Transport {
 public:
  struct Watch {
    std::vector<std::string> lines;
    Result<HttpResponse> end;
  };

  void Answer(int status, std::string body, std::map<std::string, std::string> headers = {}) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(HttpResponse{status, std::move(headers), std::move(body)});
  }
  void Stream(std::vector<std::string> lines,
              Result<HttpResponse> end = HttpResponse{200, {}, {}}) {
    const std::lock_guard lock(mutex_);
    watches_.push_back({std::move(lines), std::move(end)});
  }

  Result<HttpResponse> Do(const HttpRequest& request, std::stop_token) override {
    STOKER_CHECK(MaySend(request));
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    if (answers_.empty()) return Unavailable("the script has ended");
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }

  Result<HttpResponse> Stream(const HttpRequest& request,
                              const std::function<bool(std::string_view)>& on_line,
                              std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    requests_.push_back(request);
    if (watches_.empty()) {
      idle_ = true;
      changed_.notify_all();
      changed_.wait(lock, stop, [] { return false; });
      return Cancelled("stopped");
    }
    Watch watch = std::move(watches_.front());
    watches_.pop_front();
    lock.unlock();
    for (const auto& line : watch.lines) {
      if (!on_line(line)) return HttpResponse{200, {}, {}};
    }
    return watch.end;
  }

  // Waits until the script has run out.
  [[nodiscard]] bool WaitIdle() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return idle_; });
  }
  [[nodiscard]] std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<HttpResponse> answers_;
  std::deque<Watch> watches_;
  std::vector<HttpRequest> requests_;
  bool idle_ = false;
};

}  // namespace stoker::kube
