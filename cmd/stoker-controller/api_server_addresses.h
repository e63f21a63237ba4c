#pragma once

// Where the API server is, as addresses that in-process runs may not dial.
//
// Thread safety: any thread; it resolves a name and may take seconds.

#include <string>
#include <vector>

namespace stoker::controller {

// Addresses of the host in `server` (a URL), and of the Service that pods know it by.
std::vector<std::string> ApiServerAddresses(const std::string& server);

}  // namespace stoker::controller
