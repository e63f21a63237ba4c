// What sources read: log lines, sitemaps, Link headers.
#include "controller/warming/source/access_log.h"
#include "controller/warming/source/json_list.h"
#include "controller/warming/source/sitemap.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker::warming;  // NOLINT(google-build-using-namespace): the whole subject
  using stoker::fuzz::Hold;
  const std::string_view text = stoker::fuzz::Text(data, size);
  if (const auto line = ParseCombinedLine(text)) Hold(!line->path.empty(), "a line has a path");
  if (const auto line = ParseJsonLine(text, {})) Hold(!line->path.empty(), "a line has a path");
  const std::string next = NextLink(text);
  Hold(next.find('>') == std::string::npos, "a link ends at its >");
  const std::string url = WithParameter("http://host.test/list?page=1#part", "cursor", text);
  Hold(url.starts_with("http://host.test/list?"), "a parameter changes the query alone");
  Hold(url.find_first_of(" \r\n<>\"") == std::string::npos, "a parameter is escaped");
  if (const auto sitemap = ParseSitemap(std::string(text))) {
    for (const SitemapItem& item : sitemap->items) {
      Hold(item.priority - item.priority == 0, "a priority is a number");
    }
  }
  return 0;
}
