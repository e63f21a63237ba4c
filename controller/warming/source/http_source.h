#pragma once

// Lists that a server holds: lines of keys, and sitemaps with their indexes.
//
// A list of lines is downloaded in one go into a compressed spool and read from there: an origin is
// not kept waiting, nor its connection held, while a slow warming goes on. A sitemap is read
// document by document, children of an index in order; caps on depth, number and size, and a memory
// of what was seen, end every loop. What a server says may change between two readings, so both are
// Unstable.
//
// Thread safety: one loop.

#include <memory>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/source/byte_reader.h"
#include "controller/warming/source/source.h"

namespace stoker::warming {

inline constexpr std::size_t kMaxSpoolBytes = 64 << 20;                 // compressed, in memory
inline constexpr std::uint64_t kMaxListBytes = std::uint64_t{4} << 30;  // inflated
inline constexpr std::size_t kMaxSitemapBytes = 50 << 20;  // sitemaps.org, uncompressed
inline constexpr int kMaxSitemapDepth = 4;
inline constexpr std::size_t kMaxSitemaps = 50'000;

// `fetcher` outlives the source. `columns`: of {url}, {path}, what URL templates use (Sitemap
// only).
Result<std::unique_ptr<Source>> MakeHttpSource(const api::HttpSource& spec,
                                               const std::vector<std::string>& columns,
                                               SourceFetcher& fetcher);
// The whole of it, in a compressed spool; `url` outlives the call.
asio::awaitable<Result<std::unique_ptr<ByteReader>>> DownloadList(const std::string& url,
                                                                  SourceFetcher& fetcher);
// What a sitemap's entries offer to templates.
const std::vector<std::string>& SitemapVariables();

}  // namespace stoker::warming
