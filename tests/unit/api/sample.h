#pragma once

// A small good policy and schedule that tests change in one place.

#include <nlohmann/json.hpp>

namespace stoker::api {

inline nlohmann::json SamplePolicy() {
  return nlohmann::json::parse(R"({
    "apiVersion": "stoker.dev/v1alpha1", "kind": "WarmingPolicy",
    "metadata": {"name": "pages", "namespace": "shop"},
    "spec": {
      "sources": [{"name": "list", "static": {"keys": ["a", "b"]}}],
      "origins": [{"name": "api", "http": {"url": "http://api.shop/{key}"}}],
      "targets": [{"name": "cache", "redis": {"address": "redis.shop:6379"}}]}})");
}

inline nlohmann::json SampleSchedule() {
  return nlohmann::json::parse(R"({
    "apiVersion": "stoker.dev/v1alpha1", "kind": "PrewarmSchedule",
    "metadata": {"name": "morning", "namespace": "shop"},
    "spec": {"policyRef": {"name": "pages"}, "schedules": ["0 7 * * *"]}})");
}

}  // namespace stoker::api
