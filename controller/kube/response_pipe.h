#pragma once

// Carries one HTTP response from the threads of an HTTP library to the thread that asked for it.
//
// The library pushes bytes when it likes, even before anybody knows the status; the asking thread
// wants them in order, as soon as they arrive, with a deadline, and must be able to walk away. So
// the pipe holds a bounded buffer: a producer that finds it full is told when there is room again
// (back-pressure), and a consumer that leaves makes every later push a no-op.
//
// Thread safety: all methods from any thread; one consumer.
// Lifetime: shared by both sides; the last one frees it.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace stoker::kube {

struct ResponseHead {
  int status = 0;
  std::map<std::string, std::string> headers;
};

class ResponsePipe {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit ResponsePipe(std::size_t capacity = std::size_t{1} << 20) : capacity_(capacity) {}

  // --- the producer ---
  void PutHead(ResponseHead head);
  // Always takes the bytes. False: the buffer is full now, and `room` will be called exactly once,
  // when there is room again or the consumer has left; push no more until then.
  bool Push(std::string_view bytes, std::function<void()> room);
  // No more bytes. Only the first call counts.
  void Finish(Status status);

  // --- the consumer ---
  // Waits for the status line and headers. A failed exchange, the deadline (kTimeout) and the stop
  // token (kCancelled) end the wait.
  Result<ResponseHead> WaitHead(Deadline deadline, const std::stop_token& stop);
  // Waits for bytes, and moves all there are into `bytes`; false at the end of the response.
  Result<bool> Take(std::string& bytes, Deadline deadline, const std::stop_token& stop);
  // The consumer leaves.
  void Abandon();

 private:
  using Lock = std::unique_lock<std::mutex>;
  // Waits until `ready`; the error says why it did not become so.
  Status Wait(Lock& lock, Deadline deadline, const std::stop_token& stop,
              const std::function<bool()>& ready);

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Protected by mutex_.
  std::optional<ResponseHead> head_;
  std::string buffer_;
  std::function<void()> room_;
  std::optional<Status> end_;
  bool abandoned_ = false;
};

}  // namespace stoker::kube
