#include "controller/reconcile/run_ledger.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "controller/base/hash.h"
#include "controller/base/json.h"
#include "controller/kube/calls.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr char kAttempt[] = "attempt";
constexpr char kTransitions[] = "leaderTransitions";
constexpr char kInVain[] = "attemptsInVain";
constexpr char kTakenAt[] = "takenAt";  // hash of the checkpoint as it was taken up
constexpr char kCheckpoint[] = "checkpoint";
constexpr char kReport[] = "report";
constexpr char kReleased[] = "released";

// Whoever may edit ConfigMaps may write any number: one that no honest leader reaches is none.
constexpr std::int64_t kMaxBelievedTransitions = 1'000'000'000;
constexpr std::int64_t kMaxBelievedAttempts = 1'000'000'000;
constexpr Millis kListTimeout{15'000};

std::int64_t DataNumber(const json& object, const char* key, std::int64_t most) {
  const std::string text = Text(object, {"data", key});
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value >= 0 && value <= most ? value : 0;
}

std::int64_t TransitionsIn(const json& ledger) {
  return DataNumber(ledger, kTransitions, kMaxBelievedTransitions);
}
std::int64_t AttemptsIn(const json& ledger, const char* key) {
  return DataNumber(ledger, key, kMaxBelievedAttempts);
}

// A checkpoint that does not parse costs time, not truth: the probe finds what is warm.
std::optional<json> DataJson(const json& object, const char* key) {
  const std::string text = Text(object, {"data", key});
  if (text.empty()) return std::nullopt;
  auto parsed = ParseJson(text);
  if (!parsed) return std::nullopt;
  return std::move(*parsed);
}

std::string CheckpointHash(const json& object) {
  const std::string text = Text(object, {"data", kCheckpoint});
  return text.empty() ? text : Sha256Hex(text);
}

// Whose the run is: the Job, the attempt and the term.
std::tuple<std::string, std::int64_t, std::int64_t> HolderOf(const json& object) {
  return {ControllerUid(object), AttemptsIn(object, kAttempt), TransitionsIn(object)};
}

}  // namespace

RunLedger::RunLedger(kube::Client& client, json job, std::int64_t transitions)
    : client_(client), job_(std::move(job)), transitions_(transitions) {}

Result<RunLedger::Taken> RunLedger::Take() {
  const auto found = client_.Get(kube::kConfigMaps, Namespace(job_), CheckpointName(Name(job_)));
  if (found) return TakeOver(*found);
  if (found.error().code != Code::kNotFound) return found.error();
  return Create();
}

Result<RunLedger::Taken> RunLedger::Create() {
  object_ = {{"apiVersion", "v1"},
             {"kind", "ConfigMap"},
             {"metadata",
              {{"name", CheckpointName(Name(job_))},
               {"namespace", Namespace(job_)},
               {"labels", {{kManagedByLabel, kManagedByValue}, {kRunLabel, Name(job_)}}},
               {"ownerReferences", json::array({ControllerReference(job_)})}}},
             {"data", {{kAttempt, "1"}, {kTransitions, std::to_string(transitions_)}}}};
  STOKER_TRY(object_, client_.Create(kube::kConfigMaps, Namespace(job_), object_));
  return Taken{};
}

Result<RunLedger::Taken> RunLedger::TakeOver(const json& found) {
  object_ = found;
  Taken taken;
  if (ControllerUid(found) == Uid(job_)) {
    if (TransitionsIn(found) > transitions_) {
      return Error{Code::kConflict, "a later leader took the run up"};
    }
    // Taken in our own term: an answer was lost, or a later step failed, but nobody died.
    const bool nobody_died =
        Text(found, {"data", kReleased}) == "true" || TransitionsIn(found) == transitions_;
    const int lost = nobody_died ? 0 : 1;
    taken.attempt = std::max<std::int64_t>(1, AttemptsIn(found, kAttempt)) + lost;
    const bool moved = CheckpointHash(found) != Text(found, {"data", kTakenAt});
    taken.in_vain = moved ? 1 : std::max<std::int64_t>(1, AttemptsIn(found, kInVain)) + lost;
    if (auto data = DataJson(found, kCheckpoint)) {
      taken.checkpoint = warming::Checkpoint{std::move(*data)};
    }
    if (const auto data = DataJson(found, kReport)) {
      auto report = warming::ReportFromJson(*data);
      if (report) taken.report = std::move(*report);
    }
  } else {  // not of this Job: what it says is not ours to believe
    object_["metadata"]["ownerReferences"] = json::array({ControllerReference(job_)});
    object_["data"] = json::object();
  }
  object_["data"][kAttempt] = std::to_string(taken.attempt);
  object_["data"][kInVain] = std::to_string(taken.in_vain);
  object_["data"][kTakenAt] = CheckpointHash(object_);
  object_["data"][kTransitions] = std::to_string(transitions_);
  object_["data"].erase(kReleased);
  STOKER_CHECK(Write());
  return taken;
}

Status RunLedger::Save(const warming::Checkpoint& checkpoint) {
  object_["data"][kCheckpoint] =
      checkpoint.data.dump(-1, ' ', false, json::error_handler_t::replace);
  return Write();
}

Status RunLedger::Finish(const warming::Report& report) {
  object_["data"][kReport] =
      warming::ToJson(report).dump(-1, ' ', false, json::error_handler_t::replace);
  object_["data"].erase(kCheckpoint);
  return Write();
}

Status RunLedger::Release() {
  object_["data"][kReleased] = "true";
  return Write();
}

Status RunLedger::Write() {
  const std::string ns = Namespace(job_);
  auto written = client_.Replace(kube::kConfigMaps, ns, Name(object_), object_);
  if (!written && written.error().code == Code::kConflict) {
    // Our own write whose answer was lost, somebody's edit, or a later leader: what stands there
    // tells.
    STOKER_TRY(const json found, client_.Get(kube::kConfigMaps, ns, Name(object_)));
    if (HolderOf(found) != HolderOf(object_)) return written.error();
    object_["metadata"]["resourceVersion"] = ResourceVersion(found);
    written = client_.Replace(kube::kConfigMaps, ns, Name(object_), object_);
  }
  if (!written) return written.error();
  object_ = std::move(*written);
  return {};
}

std::int64_t HighestTransitions(const std::vector<json>& ledgers) {
  std::int64_t highest = 0;
  for (const json& ledger : ledgers) highest = std::max(highest, TransitionsIn(ledger));
  return highest;
}

Result<std::int64_t> TransitionsLeftBehind(kube::Client& client,
                                           const std::vector<std::string>& namespaces,
                                           const std::stop_token& stop) {
  kube::ListOptions listing;
  listing.label_selector = std::string(kManagedBySelector) + "," + kRunLabel;
  std::int64_t highest = 0;
  const kube::PageHandler on_page = {
      .item = [&](const json& ledger) { highest = std::max(highest, TransitionsIn(ledger)); },
      .again = [] {}};
  for (const std::string& ns : namespaces.empty() ? std::vector<std::string>{""} : namespaces) {
    STOKER_CHECK(kube::ListPages(client.transport(), kube::kConfigMaps, ns, listing, kListTimeout,
                                 on_page, stop));
  }
  return highest;
}

}  // namespace stoker::reconcile
