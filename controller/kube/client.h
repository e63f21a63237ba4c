#pragma once

// The verbs of the Kubernetes API, typed by Resource, on top of a Transport.
//
// Every call has a deadline and returns the server's own sentence on failure (Status.message). HTTP
// codes map to Code: 400/422 kInvalid, 401/403 kPermission, 404 kNotFound, 409
// kConflict or (reason AlreadyExists) kAlreadyExists, 410 kExpired, 408/504 kTimeout, 429/5xx and
// broken connections kUnavailable. What would be made in a namespace that is being deleted is
// kExpired too: the server says 403, but no right would mend it, nor any retry. A create may be replayed by the transport on a dead pooled connection: names are
// deterministic, and kAlreadyExists means "look whether it is ours".
//
// Fencing: a Client made with `may_write` asks it before every write, and again when the write goes
// out after all (it may have waited for a free connection, or for a Retry-After); when it says no
// (the lease ran out), the write fails with kCancelled and nothing is sent.
//
// Thread safety: all methods from any thread. Lifetime: the Transport outlives the Client.

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/duration.h"
#include "controller/base/result.h"
#include "controller/kube/resource.h"
#include "controller/kube/transport.h"

namespace stoker::kube {

inline constexpr char kFieldManager[] = "stoker";

enum class PatchType { kMerge, kJson, kApply };

struct DeleteOptions {
  std::string uid;                         // precondition; empty: none
  std::string resource_version;            // precondition; empty: none
  std::string propagation = "Background";  // Background, Foreground, Orphan
};

struct ListOptions {
  std::string label_selector;
  std::string field_selector;
  int limit = 500;  // a page
};

struct ListResult {
  std::vector<nlohmann::json> items;
  std::string resource_version;
};

class Client {
 public:
  explicit Client(std::shared_ptr<Transport> transport, std::function<bool()> may_write = nullptr,
                  Millis timeout = Millis(15'000));

  Result<nlohmann::json> Get(const Resource& r, std::string_view ns, std::string_view name);
  Result<ListResult> List(const Resource& r, std::string_view ns, const ListOptions& options = {});
  Result<nlohmann::json> Create(const Resource& r, std::string_view ns,
                                const nlohmann::json& object);
  // PUT; the object carries resourceVersion. subresource may be "status".
  Result<nlohmann::json> Replace(const Resource& r, std::string_view ns, std::string_view name,
                                 const nlohmann::json& object, std::string_view subresource = {});
  // kMerge with metadata.resourceVersion inside is a fenced write: 409 when somebody wrote before.
  Result<nlohmann::json> Patch(const Resource& r, std::string_view ns, std::string_view name,
                               PatchType type, const nlohmann::json& patch,
                               std::string_view subresource = {}, bool force = false);
  Status Delete(const Resource& r, std::string_view ns, std::string_view name,
                const DeleteOptions& options = {});
  // A GET of any path ("/version", "/readyz"); the body as text.
  Result<std::string> Raw(std::string_view path);

  // False once the fence is down.
  [[nodiscard]] bool MayWrite() const { return !may_write_ || may_write_(); }
  [[nodiscard]] Transport& transport() { return *transport_; }

 private:
  Result<nlohmann::json> Send(std::string method, std::string path, std::string content_type,
                              std::string body);

  const std::shared_ptr<Transport> transport_;
  const std::function<bool()> may_write_;
  const Millis timeout_;
};

}  // namespace stoker::kube
