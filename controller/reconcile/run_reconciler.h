#pragma once

// Looks at one Job that says it is an in-process run, and does what DecideRun says.
//
// Thread safety: Reconcile() from several threads, never for one key at a time.

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "controller/reconcile/context.h"
#include "controller/warming/run/plan_document.h"

namespace stoker::reconcile {

class RunReconciler {
 public:
  explicit RunReconciler(Context& context) : context_(context) {}
  ReconcileResult Reconcile(const std::string& key);

 private:
  std::string NoteUid(const std::string& key, const std::string& uid);
  Result<nlohmann::json> OwnerOf(const nlohmann::json& job);
  ReconcileResult Act(RunStep step, const nlohmann::json& job, const nlohmann::json& policy);
  ReconcileResult Begin(const nlohmann::json& job, const nlohmann::json& policy);
  Result<std::optional<Problem>> ReadSecrets(const std::string& ns, Assignment& assignment);
  Error LacksRight(const nlohmann::json& job, const nlohmann::json& policy, const char* reason,
                   const std::string& message);
  Result<Assignment> Prepare(const nlohmann::json& job, const nlohmann::json& policy);
  Result<nlohmann::json> MarkTaken(const nlohmann::json& job, std::int64_t attempt);
  ReconcileResult Finish(const nlohmann::json& job, const warming::Report& report);
  ReconcileResult Suspend(const nlohmann::json& job);
  Result<nlohmann::json> PatchStatus(const nlohmann::json& job, const nlohmann::json& status);
  void TellForged(const nlohmann::json& job);

  Context& context_;
  std::mutex mutex_;
  std::map<std::string, std::string> uids_;  // of the Jobs seen, by key; protected by mutex_
  std::set<std::string> told_;               // UIDs of forged Jobs; protected by mutex_
};

}  // namespace stoker::reconcile
