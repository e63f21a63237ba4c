#include "controller/warming/run/ledger.h"

#include <fmt/format.h>

namespace stoker::warming {
namespace {

constexpr int kVersion = 1;

// The bitmap as hex, lowest batch first, four batches a digit; trailing zeros are left out.
std::string EncodeBits(const std::bitset<Ledger::kWindow>& bits, std::int64_t low) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < Ledger::kWindow; i += 4) {
    unsigned digit = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const auto number = static_cast<std::size_t>(low) + i + j;
      if (bits[number % Ledger::kWindow]) digit |= 1U << j;
    }
    text.push_back(kHex[digit]);
  }
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

bool DecodeBits(const std::string& text, std::int64_t low, std::bitset<Ledger::kWindow>& bits) {
  if (text.size() * 4 > Ledger::kWindow) return false;
  bits.reset();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    unsigned digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<unsigned>(c - 'a') + 10;
    else
      return false;
    for (std::size_t j = 0; j < 4; ++j) {
      const auto number = static_cast<std::size_t>(low) + i * 4 + j;
      bits[number % Ledger::kWindow] = ((digit >> j) & 1U) != 0;
    }
  }
  return true;
}

}  // namespace

Ledger::Ledger(std::string plan_hash, Shard shard, std::vector<std::string> target_names)
    : plan_hash_(std::move(plan_hash)), shard_(shard), targets_(std::move(target_names)) {}

Status Ledger::Resume(const nlohmann::json& data) {
  const std::lock_guard lock(mutex_);
  try {
    if (data.at("version") != kVersion) {
      return Invalid("the checkpoint was written by another version of Stoker; start without it");
    }
    if (data.at("plan") != plan_hash_) {
      return Invalid(
          fmt::format("the checkpoint belongs to plan {:.12}, this run has plan {:.12}; start "
                      "without it, what is warm already will be skipped",
                      data.at("plan").get<std::string>(), plan_hash_));
    }
    if (data.at("shard").at("index") != shard_.index ||
        data.at("shard").at("count") != shard_.count) {
      return Invalid(
          fmt::format("the checkpoint belongs to shard {} of {}, this run is shard {} of {}",
                      data.at("shard").at("index").get<int>(),
                      data.at("shard").at("count").get<int>(), shard_.index, shard_.count));
    }
    const auto low = data.at("low").get<std::int64_t>();
    std::bitset<kWindow> done;
    if (low < 0 || !DecodeBits(data.at("done").get<std::string>(), low, done)) {
      return Invalid("the checkpoint's batches are damaged; start without it");
    }
    Outcome outcome;
    const auto& tally = data.at("tally");
    outcome.warmed = tally.at("warmed");
    outcome.skipped = tally.at("skipped");
    outcome.failed = tally.at("failed");
    outcome.bytes = tally.at("bytes");
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      outcome.target_warmed[i] = data.at("targets").at(i).at("warmed");
      outcome.target_failed[i] = data.at("targets").at(i).at("failed");
    }
    outcome.first_expiry_us = data.value("firstExpiryUs", kNeverUs);
    for (const auto& row : data.at("failures")) {
      outcome.failures.Add(
          row.at("reason").get<std::string>(), row.at("sampleKey").get<std::string>(),
          row.at("sampleMessage").get<std::string>(), row.at("count").get<std::int64_t>());
    }
    verified_ = tally.at("verified");
    verify_failed_ = tally.at("verifyFailed");
    low_ = low;
    done_ = done;
    cursor_ = data.value("cursor", nlohmann::json());
    outcome_ = std::move(outcome);
  } catch (const nlohmann::json::exception& error) {
    return Invalid(fmt::format("the checkpoint is damaged ({}); start without it", error.what()));
  }
  return {};
}

void Ledger::StartOver() {
  const std::lock_guard lock(mutex_);
  low_ = 0;
  done_.reset();
  ahead_.clear();
  cursor_ = nullptr;
  outcome_ = {};
  verified_ = verify_failed_ = 0;
}

bool Ledger::IsDone(std::int64_t number) const {
  const std::lock_guard lock(mutex_);
  if (number < low_) return true;
  return number < low_ + static_cast<std::int64_t>(kWindow) &&
         done_[static_cast<std::size_t>(number) % kWindow];
}

bool Ledger::HasRoom(std::int64_t number) const {
  const std::lock_guard lock(mutex_);
  return number < low_ + static_cast<std::int64_t>(kWindow);
}

void Ledger::Complete(std::int64_t number, const Outcome& outcome, nlohmann::json cursor) {
  const std::lock_guard lock(mutex_);
  if (keyset_) {
    ahead_[number] = {outcome, std::move(cursor)};
  } else {
    outcome_.Merge(outcome);
  }
  done_.set(static_cast<std::size_t>(number) % kWindow);
  while (done_[static_cast<std::size_t>(low_) % kWindow]) {
    done_.reset(static_cast<std::size_t>(low_) % kWindow);
    if (const auto next = ahead_.find(low_); next != ahead_.end()) {
      outcome_.Merge(next->second.outcome);
      cursor_ = std::move(next->second.cursor);
      ahead_.erase(next);
    }
    ++low_;
  }
}

nlohmann::json Ledger::Cursor() const {
  const std::lock_guard lock(mutex_);
  return cursor_;
}

std::int64_t Ledger::First() const {
  const std::lock_guard lock(mutex_);
  return keyset_ ? low_ : 0;
}

void Ledger::AddVerified(std::int64_t verified, std::int64_t failed) {
  const std::lock_guard lock(mutex_);
  verified_ += verified;
  verify_failed_ += failed;
}

nlohmann::json Ledger::Encode() const {
  const std::lock_guard lock(mutex_);
  nlohmann::json targets = nlohmann::json::array();
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    targets.push_back({{"name", targets_[i]},
                       {"warmed", outcome_.target_warmed[i]},
                       {"failed", outcome_.target_failed[i]}});
  }
  nlohmann::json failures = nlohmann::json::array();
  for (const FailureCount& row : outcome_.failures.Rows()) {
    failures.push_back({{"reason", row.reason},
                        {"count", row.count},
                        {"sampleKey", row.sample_key},
                        {"sampleMessage", row.sample_message}});
  }
  nlohmann::json data = {{"version", kVersion},
                         {"plan", plan_hash_},
                         {"shard", {{"index", shard_.index}, {"count", shard_.count}}},
                         {"low", low_},
                         {"done", keyset_ ? "" : EncodeBits(done_, low_)},
                         {"tally",
                          {{"warmed", outcome_.warmed},
                           {"skipped", outcome_.skipped},
                           {"failed", outcome_.failed},
                           {"bytes", outcome_.bytes},
                           {"verified", verified_},
                           {"verifyFailed", verify_failed_}}},
                         {"targets", std::move(targets)},
                         {"failures", std::move(failures)}};
  if (keyset_ && cursor_ != nullptr) data["cursor"] = cursor_;
  if (outcome_.first_expiry_us != kNeverUs) data["firstExpiryUs"] = outcome_.first_expiry_us;
  return data;
}

Outcome Ledger::Done() const {
  const std::lock_guard lock(mutex_);
  return outcome_;
}

std::pair<std::int64_t, std::int64_t> Ledger::Verified() const {
  const std::lock_guard lock(mutex_);
  return {verified_, verify_failed_};
}

}  // namespace stoker::warming
