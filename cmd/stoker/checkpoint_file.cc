#include "cmd/stoker/checkpoint_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "controller/base/json.h"

namespace stoker::cli {
namespace {

constexpr std::size_t kLargestCheckpoint = 1 << 20;  // a run writes at most a quarter of it

}  // namespace

Result<std::optional<warming::Checkpoint>> CheckpointFile::Load() {
  // Whether it can be written is better known now than when the run stands somewhere.
  STOKER_CHECK(file_.Open());
  file_.Discard();
  std::error_code ignored;
  if (!std::filesystem::exists(path(), ignored)) return std::optional<warming::Checkpoint>();
  const auto wrong = [&](std::string_view why) {
    return Invalid(
        fmt::format("--checkpoint {}: {}; remove the file to start without it", path(), why));
  };
  std::ifstream in(path(), std::ios::binary);
  if (!in) {
    return Error{Code::kPermission, fmt::format("--checkpoint {}: cannot be read: {}", path(),
                                                std::generic_category().message(errno))};
  }
  std::string text(kLargestCheckpoint + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kLargestCheckpoint) return wrong("is too large to be a checkpoint");
  auto data = ParseJson(text);
  if (!data) return wrong(data.error().message);
  return std::optional(warming::Checkpoint{std::move(*data)});
}

void CheckpointFile::Take(const warming::Checkpoint& checkpoint) {
  const std::lock_guard lock(mutex_);
  newest_ = checkpoint;
}

Status CheckpointFile::Write() {
  std::optional<warming::Checkpoint> checkpoint;
  {
    const std::lock_guard lock(mutex_);
    checkpoint.swap(newest_);
  }
  if (!checkpoint) return {};
  STOKER_CHECK(file_.Open());
  file_.stream() << checkpoint->data.dump() << '\n';
  return file_.Keep();
}

Status CheckpointFile::Remove() {
  std::error_code error;
  std::filesystem::remove(path(), error);
  if (!error) return {};
  return Error{Code::kPermission,
               fmt::format("--checkpoint {}: the run ended, but the file cannot be removed: {}",
                           path(), error.message())};
}

}  // namespace stoker::cli
