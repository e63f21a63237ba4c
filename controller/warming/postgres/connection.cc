#include "controller/warming/postgres/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/posix/stream_descriptor.hpp>
#include <utility>

#include "controller/warming/net/name_cache.h"
#include "controller/warming/postgres/errors.h"

namespace stoker::warming {
namespace {

using asio::posix::stream_descriptor;

constexpr Millis kAddressDeadline{5'000};  // one address does not use up what others need
constexpr char kNoFile[] = "/nonexistent";
constexpr std::array<const char*, 3> kSystemTrust = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

Error CancelledByRun() { return Cancelled("the run stops"); }

using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

// libpq takes certificates from files alone: one that lives in memory, as long as this does.
class PemFile {
 public:
  explicit PemFile(const std::string& pem) : fd_(memfd_create("stoker-ca", MFD_CLOEXEC)) {
    std::size_t done = 0;
    while (fd_ >= 0 && done < pem.size()) {
      const ssize_t wrote = write(fd_, pem.data() + done, pem.size() - done);
      if (wrote <= 0) break;
      done += static_cast<std::size_t>(wrote);
    }
  }
  ~PemFile() {
    if (fd_ >= 0) close(fd_);
  }
  PemFile(const PemFile&) = delete;
  PemFile& operator=(const PemFile&) = delete;
  [[nodiscard]] std::string Path() const { return fmt::format("/proc/self/fd/{}", fd_); }

 private:
  int fd_;
};

std::string SystemTrust() {
  for (const char* path : kSystemTrust) {
    if (access(path, R_OK) == 0) return path;
  }
  return kNoFile;
}

}  // namespace

struct PostgresConnection::Impl : std::enable_shared_from_this<PostgresConnection::Impl> {
  Impl(asio::io_context& l, std::shared_ptr<const EgressGuard> g, PostgresOptions o)
      : loop(l),
        guard(std::move(g)),
        options(std::move(o)),
        names(std::make_shared<NameCache>(l, ResolverOptions{})),
        socket(l) {}
  ~Impl() { Close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  asio::io_context& loop;
  const std::shared_ptr<const EgressGuard> guard;
  const PostgresOptions options;
  const std::shared_ptr<NameCache> names;
  stream_descriptor socket;  // libpq's own: released, never closed here
  std::shared_ptr<Waiter> waiting;
  PGconn* connection = nullptr;
  char* piece = nullptr;    // of a COPY, as it was handed out last
  bool copy_ended = false;  // its results say how
  PgResult row{nullptr, &PQclear};
  bool cancelled = false;
  std::string sqlstate;  // of the last result

  void FreePiece() {
    if (piece != nullptr) PQfreemem(std::exchange(piece, nullptr));
  }

  void Close() {
    FreePiece();
    if (socket.is_open()) socket.release();
    if (connection != nullptr) PQfinish(std::exchange(connection, nullptr));
  }

  void Cancel() {
    cancelled = true;
    if (waiting) waiting->Cancel();
  }

  // None: nothing is at hand, or copy_ended.
  std::optional<std::string_view> TakePiece() {
    FreePiece();
    if (connection == nullptr || copy_ended) return std::nullopt;
    const int size = PQgetCopyData(connection, &piece, 1);
    if (size > 0) return std::string_view(piece, static_cast<std::size_t>(size));
    copy_ended = size < 0;
    return std::nullopt;
  }

  // Returns when the socket can be read (or written, where that is asked).
  asio::awaitable<Status> WaitForSocket(bool read, bool write, SteadyTime deadline) {
    if (cancelled) co_return CancelledByRun();
    if (!socket.is_open()) socket.assign(PQsocket(connection));
    const auto waiter = std::make_shared<Waiter>(loop);
    waiting = waiter;
    const auto ready = [waiter](std::error_code) { waiter->Finish(); };
    if (read) socket.async_wait(stream_descriptor::wait_read, ready);
    if (write) socket.async_wait(stream_descriptor::wait_write, ready);
    co_await waiter->Wait(deadline);
    waiting.reset();
    const bool finished = waiter->finished();
    std::error_code ignored;
    if (!finished || (read && write)) socket.cancel(ignored);
    if (cancelled) co_return CancelledByRun();
    if (!finished) co_return Error{Code::kTimeout, "the database did not answer in time"};
    co_return Status{};
  }

  asio::awaitable<Status> OpenAddress(const PostgresHost& host, const asio::ip::address& address,
                                      SteadyTime deadline) {
    Close();
    const std::string where = fmt::format("{}:{}", host.name, host.port);
    if (guard && !guard->Allows(address)) {
      co_return Error{Code::kPermission,
                      fmt::format("{}: dialling {} is not allowed from here (egress guard)", where,
                                  address.to_string())};
    }
    const PemFile ca(options.ca_pem);
    Start(host, address.to_string(), ca.Path());
    if (connection == nullptr) co_return Internal("libpq has no memory");
    PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
    for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;
         next = PQconnectPoll(connection)) {
      if (next == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD) {
        const Error error = ExplainConnectFailure(where, PQerrorMessage(connection));
        Close();
        co_return error;
      }
      const bool reads = next == PGRES_POLLING_READING;
      const Status ready = co_await WaitForSocket(reads, !reads, deadline);
      // The next step may close this socket and open another by the same number.
      if (socket.is_open()) socket.release();
      if (!ready) {
        Close();
        co_return Annotate(where, ready.error());
      }
    }
    PQsetnonblocking(connection, 1);
    co_return Status{};
  }

  void Start(const PostgresHost& host, const std::string& address, const std::string& ca_path) {
    const bool verifies = options.ssl_mode.starts_with("verify-");
    const std::string trust = !options.ca_pem.empty() ? ca_path : SystemTrust();
    const std::pair<const char*, const char*> parameters[] = {
        {"host", host.name.c_str()},
        {"hostaddr", address.c_str()},
        {"port", host.port.c_str()},
        {"user", options.user.c_str()},
        {"password", options.password.c_str()},
        {"dbname", options.database.c_str()},
        {"application_name", options.application_name.c_str()},
        {"options", options.options.c_str()},
        {"client_encoding", "UTF8"},
        {"sslmode", options.ssl_mode.c_str()},
        {"sslrootcert", verifies || !options.ca_pem.empty() ? trust.c_str() : kNoFile},
        {"sslcert", kNoFile},
        {"sslkey", kNoFile},
        {"sslcrl", kNoFile},
        {"passfile", kNoFile},
        {"gssencmode", "disable"},
    };
    std::array<const char*, std::size(parameters) + 1> keys{}, values{};
    for (std::size_t i = 0; i < std::size(parameters); ++i) {
      std::tie(keys[i], values[i]) = parameters[i];
    }
    connection = PQconnectStartParams(keys.data(), values.data(), 0);
  }

  asio::awaitable<Status> OpenHost(const PostgresHost& host, SteadyTime deadline) {
    const auto waiter = std::make_shared<Waiter>(loop);
    waiting = waiter;
    const auto addresses = co_await NameCache::Resolve(names, host.name, *waiter, deadline);
    waiting.reset();
    if (cancelled) co_return CancelledByRun();
    if (!addresses) co_return Error(addresses.error());
    Status status = Unavailable(host.name + ": no address");
    for (const asio::ip::address& address : *addresses) {
      const SteadyTime until =
          std::min<SteadyTime>(deadline, std::chrono::steady_clock::now() + kAddressDeadline);
      const Status opened = co_await OpenAddress(host, address, until);
      if (opened || cancelled) co_return opened;
      status = opened;
    }
    names->Forget(host.name);
    co_return status;
  }

  Error ConnectionLost() {
    Close();
    sqlstate.clear();
    return Unavailable("the connection to the database was lost");
  }

  asio::awaitable<Status> Flush(SteadyTime deadline) {
    for (int left = PQflush(connection); left != 0; left = PQflush(connection)) {
      if (left < 0) co_return ConnectionLost();
      const Status ready = co_await WaitForSocket(true, true, deadline);
      if (!ready) co_return ready;
      if (PQconsumeInput(connection) == 0) co_return ConnectionLost();
    }
    co_return Status{};
  }

  // The next result of what was sent; null: there is no more.
  asio::awaitable<Result<PGresult*>> NextResult(SteadyTime deadline) {
    while (PQisBusy(connection) != 0) {
      const Status ready = co_await WaitForSocket(true, false, deadline);
      if (!ready) co_return ready.error();
      if (PQconsumeInput(connection) == 0) co_return ConnectionLost();
    }
    co_return PQgetResult(connection);
  }

  Status Judge(const PGresult* result) {
    sqlstate.clear();
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE) return {};
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == nullptr || PQstatus(connection) == CONNECTION_BAD) return ConnectionLost();
    sqlstate = state;
    return ExplainServerError(state, primary == nullptr ? "an error without a message" : primary);
  }

  // Sends, then reads every result. What fails leaves the connection closed.
  asio::awaitable<Status> Run(bool sent, SteadyTime deadline, PgResult* last = nullptr) {
    if (!sent) co_return ConnectionLost();
    Status outcome = co_await Flush(deadline);
    while (outcome) {
      const auto next = co_await NextResult(deadline);
      if (!next) {
        outcome = next.error();
        break;
      }
      if (*next == nullptr) break;
      PgResult result(*next, &PQclear);
      outcome = Judge(result.get());
      if (last != nullptr) *last = std::move(result);
    }
    if (!outcome) Close();
    co_return outcome;
  }
};

PostgresConnection::PostgresConnection(asio::io_context& loop,
                                       std::shared_ptr<const EgressGuard> guard,
                                       PostgresOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(guard), std::move(options))) {}

PostgresConnection::~PostgresConnection() {
  impl_->Cancel();
  impl_->Close();
}

asio::awaitable<Status> PostgresConnection::Open(SteadyTime deadline) {
  const auto self = impl_;
  Status status = Unavailable("no host");
  for (const PostgresHost& host : self->options.hosts) {
    if (self->cancelled) co_return CancelledByRun();
    const Status opened = co_await self->OpenHost(host, deadline);
    if (opened) co_return opened;
    status = opened;
  }
  co_return status;
}

const std::string& PostgresConnection::sqlstate() const { return impl_->sqlstate; }

bool PostgresConnection::IsOpen() const { return impl_->connection != nullptr; }

asio::awaitable<Status> PostgresConnection::Execute(const std::string& statements,
                                                    SteadyTime deadline) {
  const auto self = impl_;
  if (self->connection == nullptr) co_return self->ConnectionLost();
  const bool sent = PQsendQuery(self->connection, statements.c_str()) != 0;
  co_return co_await self->Run(sent, deadline);
}

asio::awaitable<Result<std::vector<PostgresColumn>>> PostgresConnection::Describe(
    const std::string& query, SteadyTime deadline, int parameters) {
  const auto self = impl_;
  if (self->connection == nullptr) co_return self->ConnectionLost();
  const bool prepared = PQsendPrepare(self->connection, "", query.c_str(), 0, nullptr) != 0;
  const Status parsed = co_await self->Run(prepared, deadline);
  if (!parsed) co_return parsed.error();
  PgResult result(nullptr, &PQclear);
  const bool asked = PQsendDescribePrepared(self->connection, "") != 0;
  const Status described = co_await self->Run(asked, deadline, &result);
  if (!described) co_return described.error();
  if (PQnparams(result.get()) != parameters) {
    co_return Invalid(parameters == 0 ? "it has parameters such as $1, which nobody sets"
                                      : "it must have the parameter $1, the array of keys, and no "
                                        "other, as in: where id = any($1)");
  }
  std::vector<PostgresColumn> columns;
  for (int i = 0; i < PQnfields(result.get()); ++i) {
    columns.push_back({PQfname(result.get(), i), PQftype(result.get(), i)});
  }
  co_return columns;
}

asio::awaitable<tl::expected<PostgresRows, PostgresFailure>> PostgresConnection::Query(
    const std::string& statement, const std::vector<PostgresParameter>& parameters,
    SteadyTime deadline) {
  const auto self = impl_;
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const PostgresParameter& parameter : parameters) {
    types.push_back(parameter.type);
    values.push_back(parameter.bytes.data());
    lengths.push_back(static_cast<int>(parameter.bytes.size()));
  }
  const std::vector<int> formats(parameters.size(), 1);
  if (self->connection == nullptr ||
      PQsendQueryParams(self->connection, statement.c_str(), static_cast<int>(parameters.size()),
                        types.data(), values.data(), lengths.data(), formats.data(), 1) == 0) {
    co_return tl::unexpected(PostgresFailure{{}, self->ConnectionLost()});
  }
  Status outcome = co_await self->Flush(deadline);
  std::optional<PostgresRows> rows;
  while (outcome) {
    const auto next = co_await self->NextResult(deadline);
    if (next && *next == nullptr && rows) co_return std::move(*rows);
    if (next && *next == nullptr) {
      outcome = self->ConnectionLost();
      break;
    }
    if (!next) {
      outcome = next.error();
      break;
    }
    std::shared_ptr<PGresult> result(*next, &PQclear);
    if (const Status judged = self->Judge(result.get()); !judged) {
      if (!IsOpen()) co_return tl::unexpected(PostgresFailure{{}, judged.error()});
      const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      const auto end = co_await self->NextResult(deadline);
      if (!end || *end != nullptr) self->Close();
      co_return tl::unexpected(PostgresFailure{state == nullptr ? "" : state, judged.error()});
    }
    rows.emplace(std::move(result));
  }
  self->Close();
  co_return tl::unexpected(PostgresFailure{{}, outcome.error()});
}

std::size_t PostgresRows::size() const {
  return static_cast<std::size_t>(PQntuples(result_.get()));
}

std::optional<std::string_view> PostgresRows::At(std::size_t row, std::size_t column) const {
  const auto r = static_cast<int>(row), c = static_cast<int>(column);
  if (PQgetisnull(result_.get(), r, c) != 0) return std::nullopt;
  return std::string_view(PQgetvalue(result_.get(), r, c),
                          static_cast<std::size_t>(PQgetlength(result_.get(), r, c)));
}

std::uint32_t PostgresRows::TypeOf(std::size_t column) const {
  return PQftype(result_.get(), static_cast<int>(column));
}

asio::awaitable<Status> PostgresConnection::StartRows(const std::string& query,
                                                      const std::string& parameter,
                                                      SteadyTime deadline) {
  const auto self = impl_;
  if (self->connection == nullptr) co_return self->ConnectionLost();
  const char* const values[] = {parameter.c_str()};
  const bool sent = PQsendQueryParams(self->connection, query.c_str(), 1, nullptr, values, nullptr,
                                      nullptr, 1) != 0;
  if (!sent || PQsetSingleRowMode(self->connection) == 0) co_return self->ConnectionLost();
  co_return co_await self->Flush(deadline);
}

asio::awaitable<Result<bool>> PostgresConnection::NextRow(
    std::vector<std::optional<std::string_view>>& row, SteadyTime deadline) {
  const auto self = impl_;
  row.clear();
  self->row.reset();
  while (self->connection != nullptr) {
    const auto next = co_await self->NextResult(deadline);
    if (!next) {
      self->Close();
      co_return next.error();
    }
    if (*next == nullptr) co_return false;
    self->row.reset(*next);
    if (const Status judged = self->Judge(*next); !judged) {
      self->Close();
      co_return judged.error();
    }
    if (PQresultStatus(*next) != PGRES_SINGLE_TUPLE) continue;  // the end of the rows
    for (int i = 0; i < PQnfields(*next); ++i) {
      row.emplace_back();
      if (PQgetisnull(*next, 0, i) != 0) continue;
      row.back() = std::string_view(PQgetvalue(*next, 0, i),
                                    static_cast<std::size_t>(PQgetlength(*next, 0, i)));
    }
    co_return true;
  }
  co_return self->ConnectionLost();
}

asio::awaitable<Status> PostgresConnection::StartCopy(const std::string& statement,
                                                      SteadyTime deadline) {
  const auto self = impl_;
  if (self->connection == nullptr) co_return self->ConnectionLost();
  if (PQsendQuery(self->connection, statement.c_str()) == 0) co_return self->ConnectionLost();
  const Status flushed = co_await self->Flush(deadline);
  if (!flushed) co_return flushed;
  const auto next = co_await self->NextResult(deadline);
  if (!next) co_return next.error();
  const PgResult result(*next, &PQclear);
  const Status judged = self->Judge(result.get());
  if (!judged) {
    self->Close();
    co_return judged;
  }
  if (PQresultStatus(result.get()) != PGRES_COPY_OUT) {
    self->Close();
    co_return Invalid("the database began no COPY");
  }
  self->copy_ended = false;
  co_return Status{};
}

std::optional<std::string_view> PostgresConnection::ReadCopyNow() { return impl_->TakePiece(); }

asio::awaitable<Result<std::string_view>> PostgresConnection::ReadCopy(SteadyTime deadline) {
  const auto self = impl_;
  if (self->connection == nullptr) co_return self->ConnectionLost();
  while (true) {
    if (const auto piece = self->TakePiece()) co_return *piece;
    if (self->copy_ended) break;
    const Status ready = co_await self->WaitForSocket(true, false, deadline);
    if (!ready) {
      self->Close();
      co_return ready.error();
    }
    if (PQconsumeInput(self->connection) == 0) co_return self->ConnectionLost();
  }
  // The end, or an error: the results say which.
  const Status ended = co_await self->Run(true, deadline);
  if (!ended) co_return ended.error();
  co_return std::string_view{};
}

int PostgresConnection::server_version() const {
  return impl_->connection == nullptr ? 0 : PQserverVersion(impl_->connection);
}

Result<std::string> PostgresConnection::Literal(std::string_view text) const {
  if (impl_->connection == nullptr) return impl_->ConnectionLost();
  char* quoted = PQescapeLiteral(impl_->connection, text.data(), text.size());
  if (quoted == nullptr) return Invalid("a value of the orderBy column is no valid text");
  std::string literal = quoted;
  PQfreemem(quoted);
  return literal;
}

std::string PostgresConnection::Identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted.push_back(c);
    if (c == '"') quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

void PostgresConnection::Cancel() { impl_->Cancel(); }

void PostgresConnection::Close() { impl_->Close(); }

}  // namespace stoker::warming
