#include "controller/warming/origin/body_decoder.h"

#include <zlib.h>

#include <array>
#include <string>

namespace stoker::warming {

Encoding ParseEncoding(std::string_view header) {
  std::string name;
  for (const char c : header) {
    if (c != ' ' && c != '\t') name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  if (name.empty() || name == "identity") return Encoding::kIdentity;
  if (name == "gzip" || name == "x-gzip") return Encoding::kGzip;
  if (name == "deflate") return Encoding::kDeflate;
  return Encoding::kUnknown;
}

struct BodyDecoder::Impl {
  Encoding encoding = Encoding::kGzip;
  z_stream stream{};
  bool started = false;
  bool ended = false;
  bool any = false;

  // "deflate" means zlib's wrapping, but many servers send the bare stream: its first byte tells.
  bool Start(unsigned char first) {
    const bool bare = encoding == Encoding::kDeflate && (first & 0x0f) != 8;
    const int window = encoding == Encoding::kGzip ? 16 + MAX_WBITS : bare ? -MAX_WBITS : MAX_WBITS;
    started = inflateInit2(&stream, window) == Z_OK;
    return started;
  }
};

BodyDecoder::BodyDecoder(Encoding encoding) : impl_(std::make_unique<Impl>()) {
  impl_->encoding = encoding;
}

BodyDecoder::~BodyDecoder() {
  if (impl_->started) inflateEnd(&impl_->stream);
}

BodyDecoder::Outcome BodyDecoder::Feed(std::string_view piece, const Output& output) {
  if (piece.empty()) return Outcome::kOk;
  impl_->any = true;
  if (!impl_->started && !impl_->Start(static_cast<unsigned char>(piece.front()))) {
    return Outcome::kCorrupt;
  }
  z_stream& stream = impl_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  stream.avail_in = static_cast<uInt>(piece.size());
  std::array<char, 16384> buffer;
  do {
    if (impl_->ended) {  // a further gzip member; anything else after the end is damage
      if (impl_->encoding != Encoding::kGzip || inflateReset(&stream) != Z_OK)
        return Outcome::kCorrupt;
      impl_->ended = false;
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return Outcome::kCorrupt;
    const std::size_t made = buffer.size() - stream.avail_out;
    if (made > 0 && !output({buffer.data(), made})) return Outcome::kStopped;
    impl_->ended = status == Z_STREAM_END;
  } while (stream.avail_in > 0 || (stream.avail_out == 0 && !impl_->ended));
  return Outcome::kOk;
}

bool BodyDecoder::Complete() const { return impl_->ended || !impl_->any; }

}  // namespace stoker::warming
