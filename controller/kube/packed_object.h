#pragma once

// One object of a cache, in as little memory as it can be had.
//
// A parsed object takes some fifteen times what it says: a node of a tree and a few allocations for
// each member. A cache of thousands keeps the bytes (CBOR, without managedFields) and parses an
// object when somebody looks at it; what is asked about all the time - its key, its
// resourceVersion, what it is found by - stands beside them.
//
// Thread safety: immutable; copies share the bytes.

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::kube {

// A parsed object; null: there is none.
using Object = std::shared_ptr<const nlohmann::json>;

// What objects are found by besides their name, such as the UID of their controller; empty: nothing.
using IndexFunction = std::function<std::string(const nlohmann::json& object)>;

class PackedObject {
 public:
  PackedObject() = default;  // null
  PackedObject(nlohmann::json object, const IndexFunction& index);

  explicit operator bool() const { return content_ != nullptr; }
  // The rest of the accessors are for objects that are not null.
  [[nodiscard]] const std::string& key() const { return content_->key; }  // "namespace/name"
  [[nodiscard]] const std::string& version() const { return content_->version; }
  [[nodiscard]] const std::string& index() const { return content_->index; }
  // Null when this is null.
  [[nodiscard]] Object Unpack() const;

 private:
  struct Content {
    std::string key, version, index;
    std::vector<std::uint8_t> cbor;
  };
  std::shared_ptr<const Content> content_;
};

// "namespace/name"
std::string ObjectKey(std::string_view ns, std::string_view name);
std::string ObjectKey(const nlohmann::json& object);
// metadata.resourceVersion
std::string ObjectVersion(const nlohmann::json& object);

}  // namespace stoker::kube
