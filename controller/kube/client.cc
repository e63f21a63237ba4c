#include "controller/kube/client.h"

#include <utility>

#include "controller/kube/calls.h"

namespace stoker::kube {
namespace {

std::string_view ContentType(PatchType type) {
  switch (type) {
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kApply:
      return "application/apply-patch+yaml";  // JSON is YAML
  }
  return {};
}

// What runs report may hold bytes of anybody's making; an exception here would end every write of
// an object that holds them.
std::string BodyOf(const nlohmann::json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Client::Client(std::shared_ptr<Transport> transport, std::function<bool()> may_write,
               Millis timeout)
    : transport_(std::move(transport)), may_write_(std::move(may_write)), timeout_(timeout) {}

Result<nlohmann::json> Client::Send(std::string method, std::string path, std::string content_type,
                                    std::string body) {
  HttpRequest request;
  if (method != "GET") request.may_send = may_write_;
  request.method = std::move(method);
  request.path = std::move(path);
  request.headers["accept"] = "application/json";
  if (!content_type.empty()) request.headers["content-type"] = std::move(content_type);
  request.body = std::move(body);
  request.timeout = timeout_;
  STOKER_CHECK(MaySend(request));  // no waiting in a queue for nothing
  return Call(*transport_, std::move(request), {});
}

Result<nlohmann::json> Client::Get(const Resource& r, std::string_view ns, std::string_view name) {
  return Send("GET", r.Path(ns, name), {}, {});
}

Result<ListResult> Client::List(const Resource& r, std::string_view ns,
                                const ListOptions& options) {
  return ListAll(*transport_, r, ns, options, timeout_, {});
}

Result<nlohmann::json> Client::Create(const Resource& r, std::string_view ns,
                                      const nlohmann::json& object) {
  return Send("POST", WithQuery(r.Path(ns), {{"fieldManager", kFieldManager}}), "application/json",
              BodyOf(object));
}

Result<nlohmann::json> Client::Replace(const Resource& r, std::string_view ns,
                                       std::string_view name, const nlohmann::json& object,
                                       std::string_view subresource) {
  return Send("PUT", WithQuery(r.Path(ns, name, subresource), {{"fieldManager", kFieldManager}}),
              "application/json", BodyOf(object));
}

Result<nlohmann::json> Client::Patch(const Resource& r, std::string_view ns, std::string_view name,
                                     PatchType type, const nlohmann::json& patch,
                                     std::string_view subresource, bool force) {
  const Query query = {{"fieldManager", kFieldManager}, {"force", force ? "true" : ""}};
  return Send("PATCH", WithQuery(r.Path(ns, name, subresource), query),
              std::string(ContentType(type)), BodyOf(patch));
}

Status Client::Delete(const Resource& r, std::string_view ns, std::string_view name,
                      const DeleteOptions& options) {
  nlohmann::json body = {
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", options.propagation}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) {
    body["preconditions"]["resourceVersion"] = options.resource_version;
  }
  STOKER_CHECK(Send("DELETE", r.Path(ns, name), "application/json", BodyOf(body)));
  return {};
}

Result<std::string> Client::Raw(std::string_view path) {
  HttpRequest request;
  request.path = std::string(path);
  request.timeout = timeout_;
  return CallForText(*transport_, std::move(request), {});
}

}  // namespace stoker::kube
