// slot_origin PORT SLOTS SERVICE_MS SIGMA FOREGROUND_SHARE SEED
//
// An origin whose capacity is known: so many slots behind one queue, first come first served, each busy for as long
// as a timer says (lognormal with a median of SERVICE_MS; SIGMA 0: exactly that). Its other users are a Poisson process
// in here, of a share of the capacity, that does not wait for answers: what they see is measured from the moment
// they meant to ask, so a queue that keeps them from asking is not forgiven. Warmers come over HTTP/1.1.
//
//   GET /control/begin/N   forget all samples; halve slots and users after N of the users' requests (0: never)
//   GET /control/halve/N   halve them after N of the warmers' requests instead
//   GET /control/end       {"full": [ms, ...], "halved": [ms, ...], "warmed": n}: what users waited
//   GET /anything          a value, after a slot had time for it
//
// One thread; ends on SIGTERM.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/streambuf.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace stoker::bench {
namespace {

using asio::ip::tcp;
using std::chrono::duration;
using std::chrono::steady_clock;
using Time = steady_clock::time_point;

struct Setup {
  int slots = 16;
  double service_ms = 20, sigma = 0.5, foreground = 0.5;
  unsigned seed = 1;
  [[nodiscard]] double MeanSeconds() const {
    return service_ms / 1000 * std::exp(sigma * sigma / 2);
  }
};

class Slots {
 public:
  Slots(asio::io_context& loop, const Setup& setup)
      : loop_(loop),
        setup_(setup),
        random_(setup.seed),
        service_(std::log(setup.service_ms / 1000), setup.sigma),
        next_user_(loop) {
    Begin(0, 0);
    user_at_ = steady_clock::now();
    AwaitUser();
  }

  void Serve(std::function<void()> done) {
    queue_.push_back(std::move(done));
    Fill();
  }
  void Warmed() {
    if (++warmed_ == halve_after_warmed_) halved_ = true;
  }
  void Begin(std::size_t after_users, std::size_t after_warmed) {
    halve_after_users_ = after_users;
    halve_after_warmed_ = after_warmed;
    halved_ = false;
    warmed_ = users_ = 0;
    for (auto& samples : samples_) samples.clear();
  }
  [[nodiscard]] nlohmann::json End() const {
    return {{"full", samples_[0]}, {"halved", samples_[1]}, {"warmed", warmed_}};
  }

 private:
  [[nodiscard]] int slots() const { return halved_ ? setup_.slots / 2 : setup_.slots; }

  void Fill() {
    while (busy_ < slots() && !queue_.empty()) {
      ++busy_;
      const double seconds = setup_.sigma > 0 ? service_(random_) : setup_.service_ms / 1000;
      auto timer = std::make_shared<asio::steady_timer>(
          loop_, std::chrono::duration_cast<steady_clock::duration>(duration<double>(seconds)));
      timer->async_wait([this, timer, done = std::move(queue_.front())](const asio::error_code&) {
        --busy_;
        done();
        Fill();
      });
      queue_.pop_front();
    }
  }

  // The next one means to come at user_at_, however late this thread is.
  void AwaitUser() {
    const double rate = setup_.foreground * slots() / setup_.MeanSeconds();
    std::exponential_distribution<double> pause(rate);
    user_at_ +=
        std::chrono::duration_cast<steady_clock::duration>(duration<double>(pause(random_)));
    next_user_.expires_at(user_at_);
    next_user_.async_wait([this](const asio::error_code&) {
      const bool halved = halved_;
      Serve([this, halved, meant = user_at_] {
        const duration<double, std::milli> waited = steady_clock::now() - meant;
        samples_[halved ? 1 : 0].push_back(waited.count());
      });
      if (++users_ == halve_after_users_) halved_ = true;
      AwaitUser();
    });
  }

  asio::io_context& loop_;
  const Setup setup_;
  std::mt19937_64 random_;
  std::lognormal_distribution<double> service_;
  asio::steady_timer next_user_;
  Time user_at_;
  std::deque<std::function<void()>> queue_;
  int busy_ = 0;
  bool halved_ = false;
  std::size_t warmed_ = 0, users_ = 0, halve_after_users_ = 0, halve_after_warmed_ = 0;
  std::vector<double> samples_[2];  // full, halved
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Slots& slots) : socket_(std::move(socket)), slots_(slots) {
    socket_.set_option(tcp::no_delay(true));
  }
  void Read() {
    asio::async_read_until(
        socket_, in_, "\r\n\r\n",
        [self = shared_from_this()](const asio::error_code& error, std::size_t n) {
          if (!error) self->Answer(n);
        });
  }

 private:
  void Answer(std::size_t size) {
    const std::string request(static_cast<const char*>(in_.data().data()), size);
    in_.consume(size);
    const auto number = [&](const char* path) -> long {
      const std::string start = std::string("GET ") + path;
      return request.starts_with(start) ? std::atol(request.c_str() + start.size()) : -1;
    };
    if (const long users = number("/control/begin/"); users >= 0) {
      slots_.Begin(static_cast<std::size_t>(users), 0);
      return Write("{}");
    }
    if (const long warmed = number("/control/halve/"); warmed >= 0) {
      slots_.Begin(0, static_cast<std::size_t>(warmed));
      return Write("{}");
    }
    if (number("/control/end") >= 0) return Write(slots_.End().dump());
    slots_.Serve([self = shared_from_this()] {
      self->slots_.Warmed();
      self->Write("value");
    });
  }
  void Write(const std::string& body) {
    auto out = std::make_shared<std::string>(
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    asio::async_write(socket_, asio::buffer(*out),
                      [self = shared_from_this(), out](const asio::error_code& error, std::size_t) {
                        if (!error) self->Read();
                      });
  }

  tcp::socket socket_;
  Slots& slots_;
  asio::streambuf in_{64 << 10};
};

void Accept(tcp::acceptor& acceptor, Slots& slots) {
  acceptor.async_accept([&](const asio::error_code& error, tcp::socket socket) {
    if (!error) std::make_shared<Connection>(std::move(socket), slots)->Read();
    Accept(acceptor, slots);
  });
}

}  // namespace
}  // namespace stoker::bench

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fputs("usage: slot_origin PORT SLOTS SERVICE_MS SIGMA FOREGROUND_SHARE SEED\n", stderr);
    return 2;
  }
  const stoker::bench::Setup setup{std::atoi(argv[2]), std::atof(argv[3]), std::atof(argv[4]),
                                   std::atof(argv[5]), static_cast<unsigned>(std::atoi(argv[6]))};
  asio::io_context loop(1);
  stoker::bench::Slots slots(loop, setup);
  asio::ip::tcp::acceptor acceptor(
      loop, {asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(std::atoi(argv[1]))});
  stoker::bench::Accept(acceptor, slots);
  loop.run();
  return 0;
}
