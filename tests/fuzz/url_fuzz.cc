// A URL that may be requested has a host and a port and no user; what it is resolved to is a URL.
#include "controller/warming/origin/http_client.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker::warming;  // NOLINT(google-build-using-namespace): the whole subject
  using stoker::fuzz::Hold;
  const std::string_view text = stoker::fuzz::Text(data, size);
  if (const auto url = ParseUrl(text)) {
    Hold(!url->host.empty() && !url->port.empty(), "a URL has a host and a port");
    Hold(url->target.starts_with('/'), "a target is absolute");
    Hold(url->target.find_first_of(" \r\n#") == std::string::npos, "a target is one word");
    Hold(url->host.find('@') == std::string::npos, "no user is part of a host");
  }
  static const stoker::warming::Url base = *ParseUrl("http://origin.test:8080/a/b?c");
  if (const auto next = ResolveUrl(base, text)) {
    if (const auto parsed = ParseUrl(*next)) Hold(!parsed->host.empty(), "resolved, it has a host");
  }
  return 0;
}
