#include "controller/warming/target/read_more.h"

#include <utility>

#include "controller/warming/target/target_errors.h"

namespace stoker::warming {

asio::awaitable<tl::expected<std::size_t, TargetError>> ReadMore(Stream& stream,
                                                                 ReceiveBuffer& received,
                                                                 const std::string& where) {
  const std::span<char> room = received.Room();
  Result<std::size_t> got = co_await stream.ReadSome(room.data(), room.size());
  if (!got) co_return tl::make_unexpected(ConnectionLost(std::move(got.error().message)));
  if (*got == 0) co_return tl::make_unexpected(ConnectionLost(where + " closed the connection"));
  received.Added(*got);
  co_return *got;
}

}  // namespace stoker::warming
