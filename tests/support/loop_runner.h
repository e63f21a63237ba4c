#pragma once

// Runs one coroutine on a loop of the test's own thread, to its end.
//
// Thread safety: one thread.

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace stoker::testing {

// The coroutine's value. What it leaves behind on the loop is run too, as far as it is ready.
template <class T>
T RunOn(asio::io_context& loop, asio::awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr failure;
  asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown, T value) {
    failure = std::move(thrown);
    result.emplace(std::move(value));
  });
  loop.restart();
  while (!result && loop.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

}  // namespace stoker::testing
