#pragma once

// An origin that is asked for many entries in one go: a database, another cache.
//
// Entries come one at a time, each with its token. The first that finds nobody asking leads: it lets
// those join that are ready, asks for all of them, and hands the lead on to one that came meanwhile.
// So a batch is as large as what gathers while the one before is on its way: at a low rate an
// entry waits for nobody, and maxInFlight bounds the rest. Nothing of it outlives the Fetches.
//
// Thread safety: one loop. Shutdown: Cancel() makes Ask() end soon, and it answers all the same.

#include <asio/io_context.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/warming/net/waiting.h"
#include "controller/warming/origin/origin.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

// One entry of a batch.
struct AskedEntry {
  AskedEntry(asio::io_context& loop, std::string_view what) : key(what), turn(loop) {}
  // Its Fetch goes on with it, so the entry is gone when the loop next runs; but for the one that
  // leads, which is there until Ask() returns.
  void Answer(FetchResult result) {
    answer = std::move(result);
    if (!leads) turn.Finish();
  }
  const std::string_view key;
  std::optional<FetchResult> answer;
  bool leads = false;
  Waiter turn;  // to be answered, or to lead
};

// Asks for a batch at a time. Each entry is answered as soon as its value is there, and set to null;
// none is left when Ask() returns. The leading one waits for the others, so it claims room for its
// value last, lest they wait for that room.
class BatchAsker {
 public:
  virtual ~BatchAsker() = default;
  virtual asio::awaitable<void> Ask(std::vector<AskedEntry*>& batch) = 0;
  [[nodiscard]] virtual std::size_t MostAtOnce() const = 0;
  virtual void Cancel() = 0;
};

class BatchedOrigin final : public Origin {
 public:
  // `key`: what the asker knows an entry by, over the values of a Question.
  BatchedOrigin(asio::io_context& loop, Template key, std::unique_ptr<BatchAsker> asker)
      : loop_(loop), key_(std::move(key)), asker_(std::move(asker)) {}

  asio::awaitable<FetchResult> Fetch(Question& question, const Leave& leave) override;
  void Cancel() override { asker_->Cancel(); }

 private:
  asio::awaitable<void> Lead();

  asio::io_context& loop_;
  const Template key_;
  const std::unique_ptr<BatchAsker> asker_;
  std::deque<AskedEntry*> waiting_;
  bool led_ = false;
};

// What askers have in common.
FetchError NotThere(std::string_view where);
void AnswerAll(std::vector<AskedEntry*>& batch, const FetchError& error);
// Waits for room in the budget, unless `given_up`.
asio::awaitable<void> ClaimRoom(asio::io_context& loop, ByteBudget::Hold& hold, std::size_t bytes,
                                const bool& given_up);

}  // namespace stoker::warming
