#include "store/sqlite/schema.h"

#include <charconv>

#include <fmt/format.h>

namespace onoma::store::sqlite {
namespace {

constexpr int kApplicationId = 0x4f6e6f6d;  // "Onom"

// Payloads are the JSON of model/json.h; a column stands beside it only where something is looked up by it.
// Names are sort keys, ids and identifiers text. domain_ns begins with the host and the zone, which answers
// "is this host used in this zone" with one look; that every link has its host is the registry's duty (one
// writer), because a foreign key would cost a search for every imported delegation.
constexpr const char* kFirst = R"sql(
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('generation', 1), ('roid', 0), ('in_use', 0);

CREATE TABLE tld (key BLOB PRIMARY KEY, payload TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE registrar (id TEXT PRIMARY KEY, payload TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE registrar_token (registrar TEXT PRIMARY KEY REFERENCES registrar, hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE contact (id TEXT PRIMARY KEY, sponsor TEXT NOT NULL, payload TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE contact_key (contact TEXT PRIMARY KEY REFERENCES contact, key BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE host (key BLOB PRIMARY KEY, payload TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE domain (
  key BLOB PRIMARY KEY,
  tld BLOB NOT NULL REFERENCES tld,
  registrant TEXT REFERENCES contact,
  payload TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX domain_registrant ON domain (registrant) WHERE registrant IS NOT NULL;
CREATE TABLE domain_ns (
  host BLOB NOT NULL,
  tld BLOB NOT NULL,
  domain BLOB NOT NULL,
  PRIMARY KEY (host, tld, domain)
) STRICT, WITHOUT ROWID;
CREATE TABLE identifier (
  scheme TEXT NOT NULL,
  canonical TEXT NOT NULL,
  dns_name BLOB NOT NULL,
  tld BLOB NOT NULL REFERENCES tld,
  payload TEXT NOT NULL,
  PRIMARY KEY (scheme, canonical)
) STRICT;
CREATE INDEX identifier_dns_name ON identifier (dns_name);

CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  time INTEGER NOT NULL,
  actor TEXT NOT NULL,
  command TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE TABLE event_object (
  kind INTEGER NOT NULL,
  key TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (kind, key, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
  actor TEXT NOT NULL,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  outcome TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_time ON idempotency (time);
)sql";

// Version n is reached by running kMigrations[n - 1]. Never change a step that was released; add one.
constexpr const char* kMigrations[] = {kFirst};

Result<int> number(Database& database, const char* sql) {
  ONOMA_TRY(auto text, database.ask(sql));
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Result<void> migrate(Database& database) {
  ONOMA_TRY(int application, number(database, "PRAGMA application_id"));
  ONOMA_TRY(int version, number(database, "PRAGMA user_version"));
  ONOMA_TRY(int tables, number(database, "SELECT count(*) FROM sqlite_schema"));
  if (application != kApplicationId && (application != 0 || version != 0 || tables != 0))
    return fail(Code::corrupt, "the file is a database of another program; choose another path");
  constexpr int kNewest = static_cast<int>(std::size(kMigrations));
  if (version > kNewest)
    return fail(Code::unsupported,
                fmt::format("the database has schema version {}, this program knows versions up to {}; "
                            "use the newer program",
                            version, kNewest));
  while (version < kNewest) {
    ONOMA_TRY_VOID(database.execute("BEGIN IMMEDIATE"));
    ++version;
    auto script = fmt::format("{} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT",
                              kMigrations[version - 1], kApplicationId, version);
    if (auto done = database.execute(script.c_str()); !done) {
      if (database.in_transaction()) (void)database.execute("ROLLBACK");
      return done;
    }
  }
  return {};
}

}  // namespace onoma::store::sqlite
