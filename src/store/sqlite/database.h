// One SQLite connection with its prepared statements, and Query, a run of one of them. A connection and its
// queries belong to one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "store/sqlite/statements.h"

struct sqlite3;
struct sqlite3_stmt;

namespace onoma::store::sqlite {

enum class Mode { write, read };

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // One or more statements without parameters.
  Result<void> execute(const char* sql);
  // The first column of the first row, as text; empty when there is no row.
  Result<std::string> ask(const char* sql);
  bool in_transaction() const;
  int changes() const;
  sqlite3* handle() const { return handle_; }
  // The error that `result` stands for, with what was being done.
  Error error(int result, std::string_view doing) const;

 private:
  friend class Query;
  explicit Database(sqlite3* handle) : handle_(handle) {}

  sqlite3* handle_;
  std::array<sqlite3_stmt*, kSqlCount> statements_{};
};

// Bound values are not copied: they must live until the last row has been read.
class Query {
 public:
  Query(Database& database, Sql sql);
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  Query& bind(std::string_view text);
  Query& bind_blob(std::string_view octets);
  Query& bind_blob(ByteView octets) { return bind_blob(as_text(octets)); }
  Query& bind(std::int64_t number);

  Result<bool> row();                       // true: there is a (next) row
  Result<void> run();                       // for statements without rows
  std::string_view text(int column) const;  // good until the next row()
  std::string_view blob(int column) const;
  std::int64_t integer(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  bool own_ = false;  // the cached one was busy
  int next_ = 1;
  int problem_ = 0;
};

}  // namespace onoma::store::sqlite
