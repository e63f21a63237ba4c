#include "controller/warming/source/config_map.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace stoker::warming {
namespace {

class ConfigMapReader final : public ByteReader {
 public:
  ConfigMapReader(std::string where, std::unique_ptr<ByteReader> inner)
      : where_(std::move(where)), inner_(std::move(inner)) {}
  Result<std::string_view> Read() override {
    auto piece = inner_->Read();
    if (!piece) return Annotate(where_, piece.error());
    return piece;
  }

 private:
  const std::string where_;
  std::unique_ptr<ByteReader> inner_;
};

}  // namespace

Result<std::unique_ptr<ByteReader>> OpenConfigMap(const char* source, const api::KeyRef& ref,
                                                  const Materials& materials) {
  auto data = materials.ConfigMap(ref.name);
  if (!data) return Annotate("configMapRef", data.error());
  const auto text = data->find(ref.key);
  if (text == data->end()) {
    return NotFound(
        fmt::format("configMapRef: ConfigMap \"{}\" has no key \"{}\"", ref.name, ref.key));
  }
  return std::unique_ptr<ByteReader>(std::make_unique<ConfigMapReader>(
      fmt::format("{}.configMapRef: the key \"{}\" of ConfigMap \"{}\"", source, ref.key, ref.name),
      ReadMaybeGzip(ReadString(std::move(text->second)), kMaxConfigMapText)));
}

}  // namespace stoker::warming
