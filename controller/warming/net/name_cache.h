#pragma once

// Names to addresses for one loop: an answer is kept for a few seconds, and a name is asked for
// once however many connections want it.
//
// When a run begins, all its connections open at once; without this each would ask the name servers
// the same.
//
// Thread safety: one loop. Lifetime: shared by the coroutines that wait. Shutdown: cancelling their
// Waiters.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "controller/warming/net/resolver.h"
#include "controller/warming/net/waiting.h"

namespace stoker::warming {

class NameCache {
 public:
  NameCache(asio::io_context& loop, ResolverOptions options)
      : loop_(loop), options_(std::move(options)) {}

  // An address stands for itself. The waiter ends the wait early; it is of no use afterwards.
  static asio::awaitable<Lookup::Addresses> Resolve(std::shared_ptr<NameCache> self,
                                                    std::string host, Waiter& waiter,
                                                    SteadyTime deadline);
  // The addresses did not serve: ask again next time.
  void Forget(const std::string& host) { answers_.erase(host); }

 private:
  struct Answer {
    std::vector<asio::ip::address> addresses;
    SteadyTime until;
  };
  // One question on its way. Its waiters own it, for c-ares must not be torn down by its own
  // callback.
  struct Question {
    Question(asio::io_context& loop, const ResolverOptions& options) : lookup(loop, options) {}
    Lookup lookup;
    std::set<Waiter*> waiting;
    std::optional<Lookup::Addresses> answer;
  };

  std::shared_ptr<Question> Ask(const std::string& host);
  void Answered(const std::string& host, Question& question, Lookup::Addresses answer);

  asio::io_context& loop_;
  const ResolverOptions options_;
  std::map<std::string, Answer> answers_;
  std::map<std::string, std::shared_ptr<Question>> questions_;
};

}  // namespace stoker::warming
