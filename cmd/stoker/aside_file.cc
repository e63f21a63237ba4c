#include "cmd/stoker/aside_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace stoker::cli {
namespace {

std::string Said(int number) { return std::generic_category().message(number); }

bool Sync(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = fsync(fd) == 0;
  close(fd);
  return synced;
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

AsideFile::AsideFile(std::string flag, std::string path)
    : flag_(std::move(flag)),
      path_(std::move(path)),
      aside_(fmt::format("{}.{}.tmp", path_, getpid())) {}

AsideFile::~AsideFile() { Discard(); }

Error AsideFile::CannotWrite(const std::string& why) const {
  return {Code::kPermission, fmt::format("{} {}: cannot be written: {}", flag_, path_, why)};
}

Status AsideFile::Open() {
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored)) return CannotWrite("it is a directory");
  unlink(aside_.c_str());  // of a process that once had this number, and crashed
  const int fd =
      open(aside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);  // NOLINT: POSIX
  if (fd < 0) return CannotWrite(Said(errno));
  close(fd);
  stream_.clear();
  stream_.open(aside_, std::ios::binary);
  if (!stream_) return CannotWrite(Said(errno));
  return {};
}

Status AsideFile::Keep() {
  stream_.close();
  if (stream_.fail()) return CannotWrite("not every line was taken; is the disk full?");
  if (!Sync(aside_) || std::rename(aside_.c_str(), path_.c_str()) != 0)
    return CannotWrite(Said(errno));
  Sync(FolderOf(path_));  // so that the name outlives a power cut; not every file system can
  return {};
}

void AsideFile::Discard() {
  if (stream_.is_open()) stream_.close();
  unlink(aside_.c_str());
}

void AsideFile::Abandon() const { unlink(aside_.c_str()); }

}  // namespace stoker::cli
