#include "controller/warming/source/byte_reader.h"

#include <fmt/format.h>
#include <zlib.h>

namespace stoker::warming {
namespace {

constexpr std::size_t kPiece = 64 << 10;
constexpr int kGzipWindow = 15 + 16;

bool StartsLikeGzip(std::string_view text) {
  return text.size() >= 2 && text[0] == '\x1f' && text[1] == '\x8b';
}

z_const Bytef* ZlibInput(std::string_view text) {
  return reinterpret_cast<z_const Bytef*>(
      const_cast<char*>(text.data()));  // zlib does not write there
}

class PiecesReader final : public ByteReader {
 public:
  explicit PiecesReader(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}
  Result<std::string_view> Read() override {
    if (pieces_.empty()) return std::string_view{};
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    return std::string_view(current_);
  }

 private:
  std::deque<std::string> pieces_;
  std::string current_;
};

class MaybeGzipReader final : public ByteReader {
 public:
  MaybeGzipReader(std::unique_ptr<ByteReader> inner, std::uint64_t max_bytes)
      : inner_(std::move(inner)), max_bytes_(max_bytes) {}
  ~MaybeGzipReader() override {
    if (mode_ == Mode::kGzip) inflateEnd(&zlib_);
  }
  MaybeGzipReader(const MaybeGzipReader&) = delete;
  MaybeGzipReader& operator=(const MaybeGzipReader&) = delete;

  Result<std::string_view> Read() override {
    if (mode_ == Mode::kUnknown) STOKER_CHECK(Sniff());
    STOKER_TRY(const std::string_view piece, mode_ == Mode::kGzip ? Inflate() : Plain());
    total_ += piece.size();
    if (total_ > max_bytes_) {
      return Error{Code::kExhausted, fmt::format("the text is longer than {} bytes", max_bytes_)};
    }
    return piece;
  }

 private:
  enum class Mode { kUnknown, kPlain, kGzip };

  // The magic may come in two pieces of one byte.
  Status Sniff() {
    while (head_.size() < 2) {
      STOKER_TRY(const std::string_view piece, inner_->Read());
      if (piece.empty()) break;
      head_.append(piece);
    }
    mode_ = Mode::kPlain;
    if (!StartsLikeGzip(head_)) return {};
    if (inflateInit2(&zlib_, kGzipWindow) != Z_OK) return Internal("zlib has no memory");
    mode_ = Mode::kGzip;
    SetInput(head_);
    return {};
  }
  Result<std::string_view> Plain() {
    if (!head_given_) {
      head_given_ = true;
      if (!head_.empty()) return std::string_view(head_);
    }
    return inner_->Read();
  }
  void SetInput(std::string_view piece) {
    zlib_.next_in = ZlibInput(piece);
    zlib_.avail_in = static_cast<uInt>(piece.size());
  }
  Result<std::string_view> Inflate() {
    out_.resize(kPiece);
    zlib_.next_out = reinterpret_cast<Bytef*>(out_.data());
    zlib_.avail_out = static_cast<uInt>(out_.size());
    while (zlib_.avail_out == out_.size()) {
      if (zlib_.avail_in == 0) {
        STOKER_TRY(const std::string_view piece, inner_->Read());
        if (piece.empty()) {
          if (member_open_) return Invalid("the gzip data ends too early");
          return std::string_view{};
        }
        SetInput(piece);
      }
      if (!member_open_) {
        inflateReset(&zlib_);
        member_open_ = true;
      }
      const int code = inflate(&zlib_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        member_open_ = false;
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return Invalid("the gzip data is damaged");
      }
    }
    return std::string_view(out_).substr(0, out_.size() - zlib_.avail_out);
  }

  std::unique_ptr<ByteReader> inner_;
  std::uint64_t max_bytes_;
  std::uint64_t total_ = 0;
  Mode mode_ = Mode::kUnknown;
  std::string head_;
  bool head_given_ = false;
  z_stream zlib_{};
  bool member_open_ = true;
  std::string out_;
};

}  // namespace

std::unique_ptr<ByteReader> ReadString(std::string text) {
  std::deque<std::string> pieces;
  pieces.push_back(std::move(text));
  return std::make_unique<PiecesReader>(std::move(pieces));
}

std::unique_ptr<ByteReader> ReadMaybeGzip(std::unique_ptr<ByteReader> inner,
                                          std::uint64_t max_bytes) {
  return std::make_unique<MaybeGzipReader>(std::move(inner), max_bytes);
}

struct Spool::Impl {
  explicit Impl(std::size_t max) : max_bytes(max) {}
  ~Impl() {
    if (deflating) deflateEnd(&zlib);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool Deflate(std::string_view piece, int flush) {
    if (!deflating) {
      zlib = z_stream{};
      if (deflateInit2(&zlib, 1, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
      deflating = true;
    }
    zlib.next_in = ZlibInput(piece);
    zlib.avail_in = static_cast<uInt>(piece.size());
    do {
      std::string out(kPiece, '\0');
      zlib.next_out = reinterpret_cast<Bytef*>(out.data());
      zlib.avail_out = static_cast<uInt>(out.size());
      deflate(&zlib, flush);
      out.resize(out.size() - zlib.avail_out);
      Keep(out);
    } while (zlib.avail_out == 0);
    return bytes <= max_bytes;
  }
  void Keep(std::string_view piece) {
    bytes += piece.size();
    if (piece.empty()) return;
    if (pieces.empty() || pieces.back().size() + piece.size() > kPiece) pieces.emplace_back();
    pieces.back().append(piece);
  }

  const std::size_t max_bytes;
  std::size_t bytes = 0;
  bool sniffed = false;
  bool raw = false;  // gzip already
  bool deflating = false;
  z_stream zlib{};
  std::string head;
  std::deque<std::string> pieces;
};

Spool::Spool(std::size_t max_bytes) : impl_(std::make_unique<Impl>(max_bytes)) {}
Spool::~Spool() = default;

void Spool::Restart() { impl_ = std::make_unique<Impl>(impl_->max_bytes); }

bool Spool::Append(std::string_view piece) {
  if (!impl_->sniffed) {
    impl_->head.append(piece);
    if (impl_->head.size() < 2) return true;
    impl_->sniffed = true;
    impl_->raw = StartsLikeGzip(impl_->head);
    const std::string head = std::move(impl_->head);
    return Append(head);
  }
  if (!impl_->raw) return impl_->Deflate(piece, Z_NO_FLUSH);
  impl_->Keep(piece);
  return impl_->bytes <= impl_->max_bytes;
}

void Spool::Finish() {
  if (!impl_->raw) impl_->Deflate(impl_->head, Z_FINISH);
}

std::unique_ptr<ByteReader> Spool::TakeReader(std::uint64_t max_inflated) {
  return ReadMaybeGzip(std::make_unique<PiecesReader>(std::move(impl_->pieces)), max_inflated);
}

}  // namespace stoker::warming
