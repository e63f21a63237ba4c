#include "cmd/stoker/failed_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "controller/base/hash.h"
#include "controller/base/json.h"

namespace stoker::cli {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;
constexpr auto kReplace = nlohmann::json::error_handler_t::replace;

bool IsUtf8(std::string_view text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

Result<std::string> KeyOf(const std::string& line) {
  if (line.front() != '{') return line;
  const auto row = ParseJson(line);
  if (!row) return Invalid(row.error().message);
  const auto text = [&](const char* member) -> const std::string* {
    const auto at = row->find(member);
    return at == row->end() ? nullptr : at->get_ptr<const std::string*>();
  };
  if (const std::string* encoded = text("keyBase64")) {
    std::string key;
    if (!Base64Decode(*encoded, key)) return Invalid("has a \"keyBase64\" that is not base64");
    return key;
  }
  const std::string* key = text("key");
  if (key == nullptr) return Invalid("has no \"key\"");
  return *key;
}

}  // namespace

void FailedFile::Add(std::string_view key, std::string_view reason, std::string_view message) {
  nlohmann::ordered_json line{{"key", key}, {"reason", reason}, {"message", message}};
  if (!IsUtf8(key)) line["keyBase64"] = Base64Encode(key);
  file_.stream() << line.dump(-1, ' ', false, kReplace) << '\n';
}

Result<KeyList> ReadKeyList(std::istream& in) {
  auto keys = std::make_shared<warming::KeySet>();
  std::string digest;  // each line's hash is folded in, so that the list need not be held
  std::string line;
  for (std::int64_t number = 1; std::getline(in, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    if (line.size() > kLongestLine)
      return Invalid(fmt::format("line {} is longer than {} bytes", number, kLongestLine));
    const auto key = KeyOf(line);
    if (!key) return Invalid(fmt::format("line {} {}", number, key.error().message));
    keys->Insert(KeyHash(*key));
    digest = Sha256Hex(digest + *key);
  }
  if (in.bad()) return Unavailable("cannot be read to its end");
  return KeyList{std::move(keys), Sha256Hex(digest)};
}

Result<KeyList> ReadOnly(const std::string& path, std::istream& in) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) {
      return NotFound(fmt::format("--only {}: cannot be read: {}", path,
                                  std::generic_category().message(errno)));
    }
  }
  auto list = ReadKeyList(path == "-" ? in : file);
  if (!list)
    return Error{list.error().code, fmt::format("--only {}: {}", path, list.error().message)};
  if (list->keys->size() == 0) {
    return Invalid(fmt::format("--only {}: names no key; nothing is to be warmed", path));
  }
  return list;
}

}  // namespace stoker::cli
