#include "store/sqlite/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/check.h"

namespace onoma::store::sqlite {
namespace {

// Connection settings; why they are what they are: every commit must outlive a power loss (FULL), the log is
// brought in by our own threads (wal_autocheckpoint=0), and a damaged or foreign schema must not run code
// (trusted_schema).
constexpr char kPragmas[] =
    "PRAGMA page_size=8192;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;"
    "PRAGMA busy_timeout=5000;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA journal_size_limit=67108864;"
    "PRAGMA temp_store=MEMORY;";

// SQLite counts its memory under one lock for all connections; nobody here asks for the count, and writer and
// readers would meet at that lock with every allocation. Must come before the first connection of the
// process.
void stop_counting_memory() {
  static const int result = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(result);  // refused when SQLite is in use already: then it only costs time
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
  stop_counting_memory();
  sqlite3* handle = nullptr;
  int result = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (mode == Mode::write ? SQLITE_OPEN_CREATE : 0), nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (result != SQLITE_OK) return std::unexpected(database->error(result, fmt::format("opening {}", path)));
  sqlite3_extended_result_codes(handle, 1);
  ONOMA_TRY_VOID(database->execute(kPragmas));
  ONOMA_TRY_VOID(database->execute(mode == Mode::write ? "PRAGMA cache_size=-262144;PRAGMA secure_delete=ON;"
                                                       : "PRAGMA cache_size=-16384;PRAGMA query_only=ON;"));
  return database;
}

Database::~Database() {
  for (auto* statement : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Result<void> Database::execute(const char* sql) {
  if (int result = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr); result != SQLITE_OK)
    return std::unexpected(error(result, sql));
  return {};
}

Result<std::string> Database::ask(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (int result = sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr); result != SQLITE_OK)
    return std::unexpected(error(result, sql));
  std::string answer;
  int result = sqlite3_step(statement);
  if (result == SQLITE_ROW) {
    if (const auto* text = sqlite3_column_text(statement, 0)) answer = reinterpret_cast<const char*>(text);
  }
  sqlite3_finalize(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) return std::unexpected(error(result, sql));
  return answer;
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

int Database::changes() const {
  return sqlite3_changes(handle_);
}

Error Database::error(int result, std::string_view doing) const {
  std::string_view said = handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(result);
  switch (result & 0xff) {
    case SQLITE_FULL:
      return {Code::io,
              "no space is left for the registry's database; nothing was changed. Make space and try again.",
              {}};
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return {Code::io, fmt::format("the registry's database cannot be used ({}) while {}", said, doing), {}};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Code::corrupt,
              fmt::format("the registry's database is damaged ({}) while {}; restore it from a backup", said,
                          doing),
              {}};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Code::unavailable, fmt::format("the registry's database is in use ({})", said), {}};
    case SQLITE_CONSTRAINT:
      if (result == SQLITE_CONSTRAINT_PRIMARYKEY || result == SQLITE_CONSTRAINT_UNIQUE ||
          result == SQLITE_CONSTRAINT_ROWID)
        return {Code::exists, "the object exists already", {}};
      if (result == SQLITE_CONSTRAINT_FOREIGNKEY)
        return {Code::association_prohibits, "another object depends on this one", {}};
      break;
    default:
      break;
  }
  return {Code::internal, fmt::format("SQLite: {} ({}) while {}", said, result, doing), {}};
}

Query::Query(Database& database, Sql sql) : database_(database) {
  auto at = static_cast<std::size_t>(sql);
  auto*& cached = database.statements_[at];
  own_ = cached && sqlite3_stmt_busy(cached);
  if (cached && !own_) {
    statement_ = cached;
    return;
  }
  problem_ = sqlite3_prepare_v3(database.handle_, kSqlText[at].data(), static_cast<int>(kSqlText[at].size()),
                                own_ ? 0 : SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (!own_) cached = statement_;
}

Query::~Query() {
  if (own_) {
    sqlite3_finalize(statement_);
  } else if (statement_) {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
}

Query& Query::bind(std::string_view text) {
  if (!problem_)
    problem_ = sqlite3_bind_text64(statement_, next_++, text.empty() ? "" : text.data(), text.size(),
                                   SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Query& Query::bind_blob(std::string_view octets) {
  // A null pointer would bind NULL; the root's key is an empty blob.
  if (!problem_)
    problem_ = sqlite3_bind_blob64(statement_, next_++, octets.empty() ? "" : octets.data(), octets.size(),
                                   SQLITE_STATIC);
  return *this;
}

Query& Query::bind(std::int64_t number) {
  if (!problem_) problem_ = sqlite3_bind_int64(statement_, next_++, number);
  return *this;
}

Result<bool> Query::row() {
  if (!problem_) {
    int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    problem_ = result;
  }
  return std::unexpected(
      database_.error(problem_, statement_ ? sqlite3_sql(statement_) : "preparing a statement"));
}

Result<void> Query::run() {
  ONOMA_TRY(bool more, row());
  while (more) {
    ONOMA_TRY(more, row());
  }
  return {};
}

std::string_view Query::text(int column) const {
  const auto* data = sqlite3_column_text(statement_, column);
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Query::blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

}  // namespace onoma::store::sqlite
