#pragma once

// Sitemaps (sitemaps.org) and sitemap indexes, plain or gzip, as a source of entries.
//
// <priority> is the score (0.5 where it is missing or no number). A location that is no http(s) URL fails as an
// entry; a document that is no sitemap fails the source.
//
// Thread safety: one loop.

#include <memory>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/source/source.h"

namespace stoker::warming {

struct SitemapItem {
  std::string location;
  double priority = 0.5;
};
struct SitemapDocument {
  bool index = false;  // items are further sitemaps
  std::vector<SitemapItem> items;
};
// Takes the document as it came (gzip or not).
Result<SitemapDocument> ParseSitemap(std::string body);

Result<std::unique_ptr<Source>> MakeSitemapSource(const api::HttpSource& spec,
                                                  const std::vector<std::string>& columns,
                                                  SourceFetcher& fetcher);

}  // namespace stoker::warming
