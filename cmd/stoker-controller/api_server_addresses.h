#pragma once

// Where the API server is, as addresses that in-process runs may not dial: behind the name or
// Service that this process knows it by, and what it says of itself to every client (GET /api). Of
// several API servers only the one that answered says so; the others' addresses are the
// administrator's to add.
//
// Thread safety: any thread; it resolves names and makes one call, and may take seconds.

#include <string>
#include <string_view>
#include <vector>

#include "controller/kube/client.h"

namespace stoker::controller {

// `server`: the URL by which `client` knows it. What cannot be found out is left out.
std::vector<std::string> ApiServerAddresses(kube::Client& client, const std::string& server);

// The host of a URL or of an address with a port; no brackets.
std::string HostOf(std::string_view url);
// The hosts in the answer to GET /api.
std::vector<std::string> AdvertisedHosts(std::string_view body);

}  // namespace stoker::controller
