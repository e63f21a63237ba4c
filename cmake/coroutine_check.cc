// Coroutine patterns that gcc 12.2 compiles into double frees. A compiler that builds Stoker must
// run this to the end and exit 0; CMake runs it before anything else, and it is kept as a test.
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace {
int live = 0;
struct Counted {
  std::string text;
  explicit Counted(std::string t) : text(std::move(t)) { ++live; }
  Counted(const Counted& o) : text(o.text) { ++live; }
  Counted(Counted&& o) noexcept : text(std::move(o.text)) { ++live; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --live; }
};
struct Request {
  Counted a;
  Counted b;
};

template <class T>
struct Task {
  struct promise_type {
    T value{};
    std::coroutine_handle<> waiter;
    Task get_return_object() {
      return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
        return h.promise().waiter ? h.promise().waiter : std::noop_coroutine();
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_value(T v) { value = std::move(v); }
    void unhandled_exception() { std::abort(); }
  };
  std::coroutine_handle<promise_type> handle;
  explicit Task(std::coroutine_handle<promise_type> h) : handle(h) {}
  Task(Task&& o) noexcept : handle(std::exchange(o.handle, nullptr)) {}
  ~Task() {
    if (handle) handle.destroy();
  }
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> w) {
    handle.promise().waiter = w;
    return handle;
  }
  T await_resume() { return std::move(handle.promise().value); }
};

Task<int> Length(Request r) { co_return static_cast<int>(r.a.text.size() + r.b.text.size()); }
Task<bool> Is(bool v, Counted c) { co_return v && !c.text.empty(); }
Task<std::string> Name(std::string s) { co_return s + "!"; }

Task<int> All() {
  const std::string lengthy(64, 'x');
  if (co_await Length(Request{Counted(lengthy), Counted("b")}) != 65) co_return 1;
  std::string pick = live >= 0 ? co_await Name(lengthy) : co_await Name("no");
  if (pick.size() != 65) co_return 2;
  if (co_await Is(true, Counted(lengthy)) && co_await Is(false, Counted(lengthy))) co_return 3;
  if (!(co_await Is(false, Counted(lengthy)) || co_await Is(true, Counted(lengthy)))) co_return 4;
  auto lambda = [](Request r) -> Task<int> { co_return co_await Length(std::move(r)); };
  if (co_await lambda({Counted(lengthy), Counted(lengthy)}) != 128) co_return 5;
  for (int i = 0; i < 3; ++i) {
    if ((co_await Name(std::string(100, 'y'))).size() != 101) co_return 6;
  }
  co_return 0;
}
}  // namespace

int main() {
  int code = 0;
  {
    Task<int> all = All();
    all.handle.resume();
    code = all.handle.done() ? all.handle.promise().value : 90;
  }
  if (code == 0 && live != 0) code = 91;  // something was destroyed twice, or never
  if (code != 0) std::printf("pattern %d failed, %d objects left\n", code, live);
  return code;
}
