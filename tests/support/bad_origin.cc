#include "tests/support/bad_origin.h"

namespace stoker::testing {

void BadOrigin::Serve(ScriptedServer::Peer& connection) {
  Peer peer(connection);
  std::string in;
  for (bool open = true; open;) {
    const auto end = in.find("\r\n\r\n");
    if (end == std::string::npos) {
      if (!connection.Receive(in)) return;
      continue;
    }
    peer.request_ = in.substr(0, end + 4);
    in.erase(0, end + 4);
    ++peer.number_;
    ++requests_;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(peer.request_);
    }
    const auto from = peer.request_.find(' ') + 1;
    const auto handler =
        handlers_.find(peer.request_.substr(from, peer.request_.find(' ', from) - from));
    open = handler != handlers_.end() && handler->second(peer);
  }
}

std::vector<std::string> BadOrigin::Seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace stoker::testing
