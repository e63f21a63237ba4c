// A page of a JSON list, with every pointer in use.
#include "controller/warming/source/json_list.h"
#include "tests/fuzz/fuzz.h"

namespace {

stoker::api::HttpSource Spec() {
  stoker::api::HttpSource spec;
  spec.format = stoker::api::HttpSource::Format::kJson;
  spec.url = "http://list.test/items";
  spec.key_template = "k:{id}";
  spec.json_pointer = "/items";
  spec.fields = {{"id", "/id"}};
  spec.paging.cursor_pointer = "/next";
  spec.score_pointer = "/score";
  spec.ttl_pointer = "/ttl";
  spec.value_pointer = "/value";
  return spec;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker::warming;  // NOLINT(google-build-using-namespace): the whole subject
  using stoker::fuzz::Hold;
  static const auto list = JsonList::Make(Spec(), {});
  Hold(list.has_value(), "the list can be made");
  const auto page = list->Parse(std::string(stoker::fuzz::Text(data, size)));
  if (!page) {
    Hold(!page.error().message.empty(), "a refusal says why");
    return 0;
  }
  EntryChunk chunk;
  for (const auto& item : page->items) {
    if (chunk.Full()) chunk.Clear();
    list->Append(item, chunk);
  }
  for (const Entry& entry : chunk.entries) {
    if (entry.defect == EntryDefect::kNone)
      Hold(entry.score - entry.score == 0, "a score is a number");
  }
  return 0;
}
