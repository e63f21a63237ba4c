#pragma once

// Undoes Content-Encoding (gzip, deflate) piece by piece, under a cap on what comes out.
//
// A few kilobytes can decode to gigabytes, and a body cut off in the middle decodes without
// complaint: both are failures here.
//
// Thread safety: one loop.

#include <functional>
#include <memory>
#include <string_view>

namespace stoker::warming {

enum class Encoding { kIdentity, kGzip, kDeflate, kUnknown };
Encoding ParseEncoding(std::string_view header);

class BodyDecoder {
 public:
  using Output =
      std::function<bool(std::string_view)>;  // false: stop, the cap or the reader says so

  explicit BodyDecoder(Encoding encoding);
  ~BodyDecoder();
  enum class Outcome { kOk, kStopped, kCorrupt };
  Outcome Feed(std::string_view piece, const Output& output);
  // Whether the compressed stream reached its end.
  [[nodiscard]] bool Complete() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::warming
