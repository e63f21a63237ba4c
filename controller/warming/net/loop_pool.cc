#include "controller/warming/net/loop_pool.h"

#include <openssl/ssl.h>
#include <sched.h>

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <atomic>
#include <cmath>
#include <exception>
#include <thread>

#include "controller/base/cgroup.h"
#include "controller/base/log.h"

namespace stoker::warming {
namespace {

std::atomic<int> shared_size{0};

int CoresOfAffinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) {
    return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  }
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace

int AvailableCores() {
  const int affinity = CoresOfAffinity();
  const double quota = CgroupCores();
  if (quota <= 0) return affinity;
  return std::clamp(static_cast<int>(std::ceil(quota)), 1, affinity);
}

struct LoopPool::Impl {
  struct OneLoop {
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    std::thread thread;

    void Run() {
      for (;;) {
        try {
          io.run();
          return;
        } catch (const std::exception& error) {
          LogError("an event loop handler failed", {{"error", error.what()}});
        }
      }
    }
  };
  std::vector<std::unique_ptr<OneLoop>> loops;
};

LoopPool::LoopPool(int loops) : impl_(std::make_unique<Impl>()) {
  const int count = loops > 0 ? loops : AvailableCores();
  for (int i = 0; i < count; ++i) {
    impl_->loops.push_back(std::make_unique<Impl::OneLoop>());
    Impl::OneLoop& loop = *impl_->loops.back();
    loop.thread = std::thread([&loop] { loop.Run(); });
  }
}

LoopPool::~LoopPool() { Stop(); }

int LoopPool::size() const { return static_cast<int>(impl_->loops.size()); }

asio::io_context& LoopPool::Loop(int index) {
  const auto count = impl_->loops.size();
  return impl_->loops[static_cast<std::size_t>(index) % count]->io;
}

void LoopPool::Stop() {
  for (auto& loop : impl_->loops) loop->io.stop();
  for (auto& loop : impl_->loops) {
    if (loop->thread.joinable()) loop->thread.join();
  }
}

LoopPool& LoopPool::Shared() {
  static LoopPool pool([] {
    // What ends the process runs backwards: OpenSSL, begun before the pool, outlives its threads.
    // (Not OPENSSL_init_crypto(0): asked for no part of itself, it begins nothing.)
    OPENSSL_init_ssl(0, nullptr);
    return shared_size.load();
  }());
  return pool;
}

void LoopPool::SetSharedSize(int loops) { shared_size.store(loops); }

}  // namespace stoker::warming
