#include "controller/kube/lines.h"

#include <fmt/format.h>

namespace stoker::kube {

Result<bool> LineCutter::Feed(std::string_view bytes,
                              const std::function<bool(std::string_view)>& on_line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (partial_.size() + piece.size() > max_line_) {
      return Error{Code::kExhausted,
                   fmt::format("the API server sent a line of more than {} bytes", max_line_)};
    }
    if (end == std::string_view::npos) {
      partial_.append(piece);
      return true;
    }
    bytes.remove_prefix(end + 1);
    std::string_view line = piece;
    std::string joined;
    if (!partial_.empty()) {
      joined = std::move(partial_);
      partial_.clear();
      joined.append(piece);
      line = joined;
    }
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty() && !on_line(line)) return false;
  }
  return true;
}

}  // namespace stoker::kube
