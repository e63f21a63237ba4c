#include "cmd/stoker/run_files.h"

#include <fmt/format.h>

#include <utility>

#include "controller/base/hash.h"

namespace stoker::cli {
namespace {

constexpr Millis kCheckpointEvery{250};

}  // namespace

void AddRunFiles(CLI::App& command, RunFileOptions& options) {
  command
      .add_option("--failed-to", options.failed_to,
                  "Write the entries that failed here, one JSON line each")
      ->type_name("FILE");
  command
      .add_option("--only", options.only,
                  "Warm these keys alone: a list of --failed-to, or a key a line; - is standard "
                  "input")
      ->type_name("FILE");
  command
      .add_option("--checkpoint", options.checkpoint,
                  "Keep here where the run stands, and go on from there if it was stopped")
      ->type_name("FILE");
}

Status RunFiles::Open(const RunFileOptions& options, std::istream& in, warming::RunSpec& spec,
                      warming::RunOptions& run_options) {
  if (!options.only.empty()) {
    STOKER_TRY(only_, ReadOnly(options.only, in));
    run_options.only = only_->keys;
    spec.plan_hash = Sha256Hex(spec.plan_hash + only_->sha256);
  }
  if (!options.checkpoint.empty()) {
    checkpoint_.emplace(options.checkpoint);
    STOKER_TRY(run_options.resume, checkpoint_->Load());
    run_options.checkpoint_every = kCheckpointEvery;
    run_options.on_checkpoint = [this](const warming::Checkpoint& checkpoint) {
      checkpoint_->Take(checkpoint);
    };
  }
  if (!options.failed_to.empty()) {
    failed_.emplace(options.failed_to);
    run_options.on_failed = [this](std::string_view key, std::string_view reason,
                                   std::string_view message) {
      failed_->Add(key, reason, message);
    };
  }
  return {};
}

Status RunFiles::Begin() { return failed_ ? failed_->Open() : Status{}; }

void RunFiles::Tick(RunDisplay& display) {
  if (!checkpoint_) return;
  const Status written = checkpoint_->Write();
  if (written) return;
  if (!not_written_) display.Say(fmt::format("{}; the run goes on", written.error().message));
  not_written_ = written.error();
}

bool RunFiles::End(const warming::Report& report, std::ostream& err) {
  bool all = true;
  const auto tell = [&](const Status& status) {
    if (status) return;
    err << "stoker: run: " << status.error().message << "\n";
    all = false;
  };
  const warming::Tally& tally = report.progress.tally;
  const bool came_to_its_end = report.progress.enumerated && tally.left == 0;
  if (failed_) tell(failed_->Keep());
  if (checkpoint_ && came_to_its_end) {
    tell(checkpoint_->Remove());
  } else if (checkpoint_ && not_written_) {
    tell(*not_written_);
  } else if (checkpoint_) {
    err << fmt::format("note: the same command goes on from {}\n", checkpoint_->path());
  }
  const auto listed = only_ ? static_cast<std::int64_t>(only_->keys->size()) : 0;
  if (only_ && came_to_its_end && tally.discovered < listed) {
    err << fmt::format("note: the sources do not list {} of the {} keys of --only\n",
                       Grouped(listed - tally.discovered), Grouped(listed));
  }
  return all;
}

void RunFiles::Abandon() const {
  if (failed_) failed_->Abandon();
  if (checkpoint_) checkpoint_->Abandon();
}

}  // namespace stoker::cli
