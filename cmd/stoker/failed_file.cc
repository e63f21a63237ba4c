#include "cmd/stoker/failed_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
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

}  // namespace

FailedFile::FailedFile(std::string path)
    : path_(std::move(path)), aside_(fmt::format("{}.{}.tmp", path_, getpid())) {}

FailedFile::~FailedFile() { Discard(); }

Error FailedFile::CannotWrite(const std::string& why) const {
  return {Code::kPermission, fmt::format("--failed-to {}: cannot be written: {}", path_, why)};
}

Status FailedFile::Open() {
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored)) return CannotWrite("it is a directory");
  unlink(aside_.c_str());  // of a process that once had this number, and crashed
  const int fd =
      open(aside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);  // NOLINT: POSIX
  if (fd < 0) return CannotWrite(Said(errno));
  close(fd);
  stream_.open(aside_, std::ios::binary);
  if (!stream_) return CannotWrite(Said(errno));
  return {};
}

void FailedFile::Add(std::string_view key, std::string_view reason, std::string_view message) {
  const nlohmann::ordered_json line{{"key", key}, {"reason", reason}, {"message", message}};
  stream_ << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

Status FailedFile::Keep() {
  stream_.close();
  if (stream_.fail()) return CannotWrite("not every line was taken; is the disk full?");
  if (!Sync(aside_) || std::rename(aside_.c_str(), path_.c_str()) != 0)
    return CannotWrite(Said(errno));
  return {};
}

void FailedFile::Discard() {
  if (stream_.is_open()) stream_.close();
  unlink(aside_.c_str());
}

void FailedFile::Abandon() const { unlink(aside_.c_str()); }

}  // namespace stoker::cli
