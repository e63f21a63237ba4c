#pragma once

// Lists of keys: inline keys, and text of one key a line (a ConfigMap's, or a download's).
//
// A line is `key` or, where scores are allowed, `key<TAB>score`; CR at its end goes, blank lines
// are skipped. A line longer than a key may be is yielded as KeyTooLong, never cut in silence.
//
// Thread safety: one loop.

#include <memory>
#include <string>
#include <vector>

#include "controller/warming/source/byte_reader.h"
#include "controller/warming/source/source.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

std::unique_ptr<LocalSource> MakeKeyListSource(std::vector<std::string> keys);

struct LineOptions {
  bool scores = false;
  std::optional<Template> key_template;  // over the one variable `key`; none: the line is the key
};

// Splits a ByteReader into entries.
class LineSource final : public LocalSource {
 public:
  LineSource(std::unique_ptr<ByteReader> reader, LineOptions options);
  Result<bool> Pull(EntryChunk& chunk) override;

 private:
  void AppendLine(std::string_view line, EntryChunk& chunk);
  void AppendTooLong(std::string_view start, EntryChunk& chunk);

  std::unique_ptr<ByteReader> reader_;
  LineOptions options_;
  std::string_view piece_;
  std::string carry_;      // a line that began in an earlier piece
  bool skipping_ = false;  // inside a line that is too long
};

}  // namespace stoker::warming
