#include "cmd/stoker/failed_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

namespace stoker::cli {
namespace {

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

Error FailedFile::CannotWrite() const {
  return {Code::kPermission,
          fmt::format("--failed-to {}: cannot be written: {}", path_, std::generic_category().message(errno))};
}

Status FailedFile::Open() {
  stream_.open(aside_, std::ios::binary | std::ios::trunc);
  if (!stream_) return CannotWrite();
  return {};
}

void FailedFile::Add(std::string_view key, std::string_view reason, std::string_view message) {
  const nlohmann::ordered_json line{{"key", key}, {"reason", reason}, {"message", message}};
  stream_ << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

Status FailedFile::Keep() {
  stream_.close();
  if (stream_.fail() || !Sync(aside_) || std::rename(aside_.c_str(), path_.c_str()) != 0) return CannotWrite();
  return {};
}

void FailedFile::Discard() {
  if (stream_.is_open()) stream_.close();
  unlink(aside_.c_str());
}

}  // namespace stoker::cli
