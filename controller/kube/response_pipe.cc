#include "controller/kube/response_pipe.h"

#include <utility>

namespace stoker::kube {

void ResponsePipe::PutHead(ResponseHead head) {
  {
    const Lock lock(mutex_);
    head_ = std::move(head);
  }
  changed_.notify_all();
}

bool ResponsePipe::Push(std::string_view bytes, std::function<void()> room) {
  bool full = false;
  {
    const Lock lock(mutex_);
    if (abandoned_) return true;
    buffer_.append(bytes);
    full = buffer_.size() >= capacity_;
    if (full) room_ = std::move(room);
  }
  changed_.notify_all();
  return !full;
}

void ResponsePipe::Finish(Status status) {
  {
    const Lock lock(mutex_);
    if (end_) return;
    end_ = std::move(status);
  }
  changed_.notify_all();
}

Status ResponsePipe::Wait(Lock& lock, Deadline deadline, const std::stop_token& stop,
                          const std::function<bool()>& ready) {
  if (changed_.wait_until(lock, stop, deadline, ready)) return {};
  if (stop.stop_requested()) return Cancelled("the request was cancelled");
  return Timeout("no answer within the time allowed");
}

Result<ResponseHead> ResponsePipe::WaitHead(Deadline deadline, const std::stop_token& stop) {
  Lock lock(mutex_);
  STOKER_CHECK(Wait(lock, deadline, stop, [this] { return head_ || end_; }));
  if (head_) return *head_;
  if (!*end_) return end_->error();
  return Internal("the response ended before it began");
}

Result<bool> ResponsePipe::Take(std::string& bytes, Deadline deadline,
                                const std::stop_token& stop) {
  std::function<void()> room;
  {
    Lock lock(mutex_);
    STOKER_CHECK(Wait(lock, deadline, stop, [this] { return !buffer_.empty() || end_; }));
    if (buffer_.empty()) {
      if (!*end_) return end_->error();
      return false;
    }
    bytes = std::exchange(buffer_, {});
    room = std::exchange(room_, nullptr);
  }
  if (room) room();  // outside the lock: it may push again at once
  return true;
}

void ResponsePipe::Abandon() {
  std::function<void()> room;
  {
    const Lock lock(mutex_);
    abandoned_ = true;
    buffer_ = {};
    room = std::exchange(room_, nullptr);
  }
  if (room) room();
}

}  // namespace stoker::kube
