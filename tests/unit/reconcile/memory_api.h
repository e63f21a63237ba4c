#pragma once

// An API server in memory: objects by path, resourceVersions, uid preconditions, merge patches,
// streamed lists. Nothing comes after a list, so caches stay as they were filled.
//
// It can be told to misbehave: Fail() answers the next request of a method with an error, before or
// after doing what was asked. OnCreate() sees what is made before it is kept, as an older server or an
// admission policy does.
//
// Thread safety: any thread.

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "controller/kube/transport.h"

namespace stoker::reconcile {

class MemoryApi final : public kube::Transport {
 public:
  struct Failure {
    std::string method;
    int status = 0;       // 0: the connection breaks
    bool done = false;    // what was asked is done all the same; only the answer is lost
    std::string at = {};  // part of the path that it happens to; empty: whatever comes next
  };

  void Fail(Failure failure) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(std::move(failure));
  }
  void OnCreate(std::function<void(nlohmann::json& object)> change) {
    const std::lock_guard lock(mutex_);
    on_create_ = std::move(change);
  }
  // As somebody else would write it.
  void Put(const std::string& path, nlohmann::json object) {
    const std::lock_guard lock(mutex_);
    (void)Store(path, std::move(object));
  }
  // Null when there is none.
  nlohmann::json At(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto it = objects_.find(path);
    return it == objects_.end() ? nlohmann::json() : it->second;
  }
  // "METHOD path" of each, without queries.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  Result<kube::HttpResponse> Do(const kube::HttpRequest& request, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    std::string path = request.path.substr(0, request.path.find('?'));
    requests_.push_back(request.method + " " + path);
    const auto failure = std::ranges::find_if(failures_, [&](const Failure& next) {
      return next.method == request.method && path.find(next.at) != std::string::npos;
    });
    if (failure == failures_.end()) return Answer(request, path);
    const Failure now = std::move(*failure);
    failures_.erase(failure);
    if (now.done) (void)Answer(request, path);
    if (now.status == 0) return Unavailable("the connection broke");
    return Refusal(now.status, "Scripted");
  }

  Result<kube::HttpResponse> Stream(const kube::HttpRequest& request,
                                    const std::function<bool(std::string_view)>& on_line,
                                    std::stop_token) override {
    if (request.path.find("sendInitialEvents=true") == std::string::npos) {
      return Unavailable("this server has no watches");
    }
    std::vector<nlohmann::json> events;
    {
      const std::lock_guard lock(mutex_);
      const nlohmann::json list = List(request.path.substr(0, request.path.find('?')));
      for (const nlohmann::json& item : list["items"]) {
        events.push_back({{"type", "ADDED"}, {"object", item}});
      }
      nlohmann::json metadata = list["metadata"];
      metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
      events.push_back({{"type", "BOOKMARK"}, {"object", {{"metadata", metadata}}}});
    }
    for (const nlohmann::json& event : events) {
      if (!on_line(event.dump())) break;
    }
    return kube::HttpResponse{200, {}, ""};
  }

 private:
  static kube::HttpResponse Refusal(int status, const std::string& reason) {
    const nlohmann::json body = {
        {"kind", "Status"}, {"code", status}, {"reason", reason}, {"message", reason}};
    return {status, {}, body.dump()};
  }
  static kube::HttpResponse Ok(const nlohmann::json& object) { return {200, {}, object.dump()}; }

  nlohmann::json& Store(const std::string& path, nlohmann::json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    if (!object["metadata"].contains("uid")) {
      object["metadata"]["uid"] = "uid-" + std::to_string(version_);
    }
    return objects_[path] = std::move(object);
  }

  static bool Conflicts(const nlohmann::json& held, const nlohmann::json& metadata) {
    for (const char* member : {"uid", "resourceVersion"}) {
      const std::string wanted = metadata.value(member, "");
      if (!wanted.empty() && wanted != held["metadata"].value(member, "")) return true;
    }
    return false;
  }

  kube::HttpResponse Answer(const kube::HttpRequest& request, std::string path) {
    auto body = request.body.empty() ? nlohmann::json() : nlohmann::json::parse(request.body);
    if (request.method == "POST") {
      path += "/" + body["metadata"].value("name", "");
      if (objects_.contains(path)) return Refusal(409, "AlreadyExists");
      if (on_create_) on_create_(body);
      return Ok(Store(path, body));
    }
    if (path.ends_with("/status")) path.resize(path.size() - 7);
    const auto it = objects_.find(path);
    if (it == objects_.end()) {
      return request.method == "GET" && IsCollection(path) ? Ok(List(path))
                                                           : Refusal(404, "NotFound");
    }
    if (request.method == "GET") return Ok(it->second);
    const auto none = nlohmann::json::object();
    const bool deletes = request.method == "DELETE";
    if (Conflicts(it->second, body.value(deletes ? "preconditions" : "metadata", none))) {
      return Refusal(409, "Conflict");
    }
    if (deletes) {
      objects_.erase(it);
      return Ok(none);
    }
    nlohmann::json object = request.method == "PUT" ? body : it->second;
    if (request.method == "PATCH") object.merge_patch(body);
    return Ok(Store(path, std::move(object)));
  }

  static bool IsCollection(const std::string& path) {
    return path.ends_with("s") && path.substr(path.rfind('/') + 1).find('-') == std::string::npos;
  }
  nlohmann::json List(const std::string& path) const {
    auto items = nlohmann::json::array();
    for (const auto& [at, object] : objects_) {
      if (at.starts_with(path + "/") && at.find('/', path.size() + 1) == std::string::npos) {
        items.push_back(object);
      }
    }
    return {{"metadata", {{"resourceVersion", std::to_string(version_)}}}, {"items", items}};
  }

  mutable std::mutex mutex_;
  std::map<std::string, nlohmann::json> objects_;
  std::deque<Failure> failures_;
  std::function<void(nlohmann::json&)> on_create_;
  std::vector<std::string> requests_;
  std::int64_t version_ = 100;
};

}  // namespace stoker::reconcile
