#include <algorithm>
#include <asio/ip/address.hpp>
#include <charconv>
#include <vector>

#include "controller/warming/origin/http_client.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kMaxUrl = 8192;

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

Status ParseAuthority(std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) {
    return Invalid("the URL holds a user name or password; put credentials into a Secret");
  }
  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return Invalid("the URL's IPv6 address has no \"]\"");
    url.host = authority.substr(1, close - 1);
    std::error_code ec;
    asio::ip::make_address_v6(url.host, ec);
    if (ec) return Invalid("the URL's host is not an IPv6 address");
    const std::string_view rest = authority.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return Invalid("the URL has text after its host");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const auto colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
    if (url.host.empty() || url.host.size() > 253 ||
        !std::all_of(url.host.begin(), url.host.end(), IsHostCharacter)) {
      return Invalid("the URL's host is missing or has characters that hosts cannot have");
    }
    for (char& c : url.host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  if (port.empty()) {
    url.port = url.https ? "443" : "80";
    return {};
  }
  int number = 0;
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (ec != std::errc() || end != port.data() + port.size() || number < 1 || number > 65535) {
    return Invalid("the URL's port is not a number from 1 to 65535");
  }
  url.port = std::to_string(number);
  return {};
}

// RFC 3986, 5.2.4, on an absolute path without query.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool slash_at_end = false;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t next = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, next - at);
    const bool last = next == path.size();
    slash_at_end = last && (segment == "." || segment == "..");
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != ".") {
      kept.push_back(segment);
    }
    at = next + 1;
  }
  std::string clean;
  for (const std::string_view segment : kept) clean.append("/").append(segment);
  if (slash_at_end || clean.empty()) clean += '/';
  return clean;
}

std::string CleanTarget(std::string_view target) {
  const auto query = target.find('?');
  const std::string_view path = target.substr(0, query);
  std::string clean = RemoveDotSegments(path);
  if (query != std::string_view::npos) clean.append(target.substr(query));
  return clean;
}

std::string SchemeAndAuthority(const Url& url) {
  const bool v6 = url.host.find(':') != std::string::npos;
  return std::string(url.https ? "https://" : "http://") + (v6 ? "[" + url.host + "]" : url.host) +
         ":" + url.port;
}

bool HasScheme(std::string_view text) {
  const auto end = text.find_first_of(":/?#");
  return end != std::string_view::npos && end > 0 && text[end] == ':';
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  if (text.size() > kMaxUrl) return Invalid("the URL is longer than 8192 characters");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f ||
        c == '\\') {
      return Invalid(
          "the URL holds a space, backslash, control or non-ASCII character; percent-encode it");
    }
  }
  Url url;
  const auto scheme_end = text.find("://");
  const std::string_view scheme =
      scheme_end == std::string_view::npos ? std::string_view() : text.substr(0, scheme_end);
  if (EqualsIgnoringCase(scheme, "https")) {
    url.https = true;
  } else if (!EqualsIgnoringCase(scheme, "http")) {
    return Invalid("the URL does not begin with http:// or https://");
  }
  text.remove_prefix(scheme_end + 3);
  text = text.substr(0, text.find('#'));
  const auto authority_end = std::min(text.find_first_of("/?"), text.size());
  STOKER_CHECK(ParseAuthority(text.substr(0, authority_end), url));
  const std::string_view target = text.substr(authority_end);
  if (target.empty() || target.front() != '/') url.target = "/";
  url.target.append(target);
  return url;
}

Result<std::string> ResolveUrl(const Url& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  std::string resolved;
  if (HasScheme(reference)) {
    resolved = reference;
  } else if (reference.substr(0, 2) == "//") {
    resolved = (base.https ? "https:" : "http:") + std::string(reference);
  } else if (reference.empty()) {
    resolved = SchemeAndAuthority(base) + base.target;
  } else if (reference.front() == '/') {
    resolved = SchemeAndAuthority(base) + CleanTarget(reference);
  } else {
    const std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
    const std::string_view kept =
        reference.front() == '?' ? path : path.substr(0, path.rfind('/') + 1);
    resolved = SchemeAndAuthority(base) + CleanTarget(std::string(kept) + std::string(reference));
  }
  if (auto checked = ParseUrl(resolved); !checked) return std::move(checked.error());
  return resolved;
}

}  // namespace stoker::warming
