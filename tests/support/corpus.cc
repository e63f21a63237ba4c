#include "tests/support/corpus.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "tests/support/process.h"

namespace stoker::testing {
namespace {

// Cuts the line "# expect: words" off the front of `text`; empty, and nothing cut, where it is
// another line.
std::string TakeMarked(std::string& text, std::string_view mark) {
  const std::size_t end = text.find('\n');
  if (!text.starts_with(mark) || end == std::string::npos) return "";
  std::string words = text.substr(mark.size(), end - mark.size());
  text.erase(0, end + 1);
  return words;
}

}  // namespace

std::vector<CorpusFile> ReadCorpus(const std::string& folder) {
  std::vector<CorpusFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CorpusFile file;
    file.path = entry.path().string();
    file.manifest = ReadFile(file.path);
    file.message = TakeMarked(file.manifest, "# expect: ");
    file.field = TakeMarked(file.manifest, "# field: ");
    files.push_back(std::move(file));
  }
  std::ranges::sort(files, {}, &CorpusFile::path);
  return files;
}

}  // namespace stoker::testing
