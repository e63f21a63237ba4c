// However a response is cut into pieces, it means the same.
#include <string>

#include "controller/warming/origin/response_parser.h"
#include "tests/fuzz/fuzz.h"

namespace {

using stoker::fuzz::Hold;
using stoker::warming::ResponseParser;
using State = ResponseParser::State;

struct Outcome {
  State state = State::kMore;
  std::string body;
};

Outcome Parse(std::string_view data, std::size_t piece) {
  constexpr std::size_t kMaxBody = 1 << 16;
  ResponseParser parser;
  parser.Reset(kMaxBody, nullptr);
  State state = State::kMore;
  while (!data.empty() && state == State::kMore) {
    state = parser.Feed(data.substr(0, piece));
    data.remove_prefix(std::min(piece, data.size()));
  }
  // More than the response: the pieces decide when that shows.
  if (state == State::kDone && !data.empty()) state = parser.Feed(data);
  if (state == State::kMore && parser.started()) state = parser.FeedEnd();
  Hold(parser.body().size() <= kMaxBody, "a body is within its cap");
  return {state, state == State::kDone ? parser.body() : std::string()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view text = stoker::fuzz::Text(data + 1, size - 1);
  const Outcome whole = Parse(text, text.size()), cut = Parse(text, piece);
  Hold((whole.state == State::kDone) == (cut.state == State::kDone), "whole or not, however cut");
  Hold(whole.body == cut.body, "the same body, however cut");
  return 0;
}
