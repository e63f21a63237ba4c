#include "controller/warming/source/access_log.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "controller/base/json.h"

namespace stoker::warming {
namespace {

using nlohmann::json;

// Clients may name the server too: "http://shop/a?b" asks for "/a?b".
std::optional<std::string> PathOf(std::string_view target) {
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    const std::size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  // A backslash is how servers write a byte that no URL may hold.
  if (!target.starts_with('/') || target.find('\\') != std::string_view::npos) return std::nullopt;
  return std::string(target.substr(0, target.find('#')));
}

// "GET /a HTTP/1.1"
std::optional<LogLine> ParseRequest(std::string_view request, int status) {
  const std::size_t first = request.find(' ');
  const std::size_t last = request.rfind(' ');
  if (first == std::string_view::npos || last <= first) return std::nullopt;
  auto path = PathOf(request.substr(first + 1, last - first - 1));
  if (!path || path->find(' ') != std::string::npos) return std::nullopt;
  return LogLine{std::string(request.substr(0, first)), std::move(*path), status};
}

std::optional<int> ToStatus(std::int64_t number) {
  if (number < 100 || number > 999) return std::nullopt;
  return static_cast<int>(number);
}

std::optional<int> ParseStatus(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return ToStatus(number);
}

std::optional<int> StatusOf(const json& value) {
  if (value.is_number_integer()) return ToStatus(value.get<std::int64_t>());
  if (value.is_string()) return ParseStatus(value.get_ref<const std::string&>());
  return std::nullopt;
}

const json* Member(const json& object, const std::string& pointer) {
  try {
    const json::json_pointer at(pointer);
    return object.contains(at) ? &object.at(at) : nullptr;
  } catch (const json::exception&) {
    return nullptr;
  }
}

}  // namespace

std::optional<LogLine> ParseCombinedLine(std::string_view line) {
  const std::size_t time = line.find("] \"");
  if (time == std::string_view::npos) return std::nullopt;
  line.remove_prefix(time + 3);
  std::size_t quote = 0;
  while (quote < line.size() && line[quote] != '"') quote += line[quote] == '\\' ? 2 : 1;
  if (quote + 2 > line.size() || line[quote + 1] != ' ') return std::nullopt;
  const std::string_view rest = line.substr(quote + 2);
  const auto status = ParseStatus(rest.substr(0, rest.find(' ')));
  if (!status) return std::nullopt;
  return ParseRequest(line.substr(0, quote), *status);
}

std::optional<LogLine> ParseJsonLine(std::string_view line, const api::JsonLog& fields) {
  const auto object = ParseJson(line);
  if (!object || !object->is_object()) return std::nullopt;
  const json* method = Member(*object, fields.method_pointer);
  const json* path = Member(*object, fields.path_pointer);
  const json* status = Member(*object, fields.status_pointer);
  if (method == nullptr || path == nullptr || status == nullptr) return std::nullopt;
  if (!method->is_string() || !path->is_string()) return std::nullopt;
  const auto number = StatusOf(*status);
  auto target = PathOf(path->get<std::string>());
  if (!number || !target) return std::nullopt;
  return LogLine{method->get<std::string>(), std::move(*target), *number};
}

bool StatusMatches(std::string_view wanted, int status) {
  if (wanted.ends_with("xx")) return wanted.front() - '0' == status / 100;
  return wanted == std::to_string(status);
}

void Frequencies::Add(std::string_view text) {
  const auto [counted, fresh] = counts_.try_emplace(std::string(text), 0);
  ++counted->second;
  if (fresh) bytes_ += text.size() + kBytesAText;
  if (counts_.size() > 2 * capacity_ || bytes_ > max_bytes_) Forget();
}

// Takes the count of the first text beyond what is to be kept from all counts: those that were no
// higher are gone, and no frequent one is (Misra and Gries, many at a time).
void Frequencies::Forget() {
  exact_ = false;
  struct One {
    std::int64_t count;
    std::size_t bytes;
  };
  std::vector<One> all;
  all.reserve(counts_.size());
  for (const auto& [text, count] : counts_) all.push_back({count, text.size() + kBytesAText});
  std::ranges::sort(all, std::ranges::greater(), &One::count);
  std::size_t kept = 0;
  for (std::size_t bytes = all[0].bytes; kept < capacity_ && bytes <= max_bytes_ / 2;)
    bytes += all[++kept].bytes;
  const std::int64_t less = all[kept].count;
  for (auto counted = counts_.begin(); counted != counts_.end();) {
    counted->second -= less;
    if (counted->second > 0) {
      ++counted;
    } else {
      bytes_ -= counted->first.size() + kBytesAText;
      counted = counts_.erase(counted);
    }
  }
}

std::vector<Frequencies::Counted> Frequencies::Take() {
  if (counts_.size() > capacity_) exact_ = false;
  std::vector<Counted> all;
  all.reserve(counts_.size());
  while (!counts_.empty()) {
    auto node = counts_.extract(counts_.begin());
    all.push_back({std::move(node.key()), node.mapped()});
  }
  bytes_ = 0;
  std::sort(all.begin(), all.end(), [](const Counted& a, const Counted& b) {
    return a.count != b.count ? a.count > b.count : a.text < b.text;
  });
  if (all.size() > capacity_) all.resize(capacity_);
  return all;
}

}  // namespace stoker::warming
