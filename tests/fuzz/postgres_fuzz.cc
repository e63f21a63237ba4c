// Rows of COPY in whatever pieces, and connection strings, whose passwords no error repeats.
#include <algorithm>

#include "controller/warming/postgres/connection_string.h"
#include "controller/warming/postgres/copy_reader.h"
#include "tests/fuzz/fuzz.h"

namespace {

using stoker::fuzz::Hold;
using stoker::warming::CopyReader;

// All fields that can be read, and whether the stream is bad.
std::string ReadAll(std::string_view data, std::size_t piece) {
  CopyReader reader(2, 4096);
  CopyReader::Row row;
  std::string read;
  while (true) {
    const auto more = reader.Next(row);
    if (!more) return read + "bad";
    if (*more) {
      for (const auto& field : row) read.append(field ? *field : "NULL").push_back('|');
      continue;
    }
    if (reader.Ended() || data.empty()) return read;
    reader.Append(data.substr(0, piece));
    data.remove_prefix(std::min(piece, data.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view text = stoker::fuzz::Text(data + 1, size - 1);
  Hold(ReadAll(text, size) == ReadAll(text, piece), "rows are the same, however cut");
  const auto options = stoker::warming::ParseConnectionString(
      "postgresql://user:s3cr3t-s3cr3t@host/" + std::string(text));
  if (!options) {
    Hold(options.error().message.find("s3cr3t-s3cr3t") == std::string::npos,
         "no error repeats a password");
  }
  static_cast<void>(stoker::warming::ParseConnectionString(std::string(text)));
  return 0;
}
