// Every SQL statement that is run more than once, written down once. Names are kept as their sort keys
// (wire/name.h), so that plain octet order is canonical order and a subtree is a range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace onoma::store::sqlite {

#define ONOMA_SQL_TABLE(X)                                                                                   \
  X(begin_write, "BEGIN IMMEDIATE")                                                                          \
  X(begin_read, "BEGIN")                                                                                     \
  X(commit, "COMMIT")                                                                                        \
  X(roll_back, "ROLLBACK")                                                                                   \
  X(savepoint, "SAVEPOINT command")                                                                          \
  X(release, "RELEASE command")                                                                              \
  X(roll_back_to, "ROLLBACK TO command")                                                                     \
  X(meta_get, "SELECT value FROM meta WHERE name = ?1")                                                      \
  X(meta_put,                                                                                                \
    "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = "               \
    "excluded.value")                                                                                        \
  X(roid_put, "UPDATE meta SET value = ?1 WHERE name = 'roid'")                                              \
  X(last_seq, "SELECT coalesce(max(seq), 0) FROM event")                                                     \
  X(tld_get, "SELECT payload FROM tld WHERE key = ?1")                                                       \
  X(tld_all, "SELECT payload FROM tld ORDER BY key")                                                         \
  X(tld_insert, "INSERT INTO tld (key, payload) VALUES (?1, ?2)")                                            \
  X(tld_update, "UPDATE tld SET payload = ?2 WHERE key = ?1")                                                \
  X(tld_delete, "DELETE FROM tld WHERE key = ?1")                                                            \
  X(registrar_get, "SELECT payload FROM registrar WHERE id = ?1")                                            \
  X(registrar_page, "SELECT payload, id FROM registrar WHERE id > ?1 ORDER BY id LIMIT ?2")                  \
  X(registrar_insert, "INSERT INTO registrar (id, payload) VALUES (?1, ?2)")                                 \
  X(registrar_update, "UPDATE registrar SET payload = ?2 WHERE id = ?1")                                     \
  X(registrar_delete, "DELETE FROM registrar WHERE id = ?1")                                                 \
  X(token_get, "SELECT hash FROM registrar_token WHERE registrar = ?1")                                      \
  X(token_put,                                                                                               \
    "INSERT INTO registrar_token (registrar, hash) VALUES (?1, ?2)"                                          \
    " ON CONFLICT (registrar) DO UPDATE SET hash = excluded.hash")                                           \
  X(token_delete, "DELETE FROM registrar_token WHERE registrar = ?1")                                        \
  X(contact_get, "SELECT payload FROM contact WHERE id = ?1")                                                \
  X(contact_page, "SELECT payload, id FROM contact WHERE id > ?1 ORDER BY id LIMIT ?2")                      \
  X(contact_insert, "INSERT INTO contact (id, sponsor, payload) VALUES (?1, ?2, ?3)")                        \
  X(contact_update, "UPDATE contact SET sponsor = ?2, payload = ?3 WHERE id = ?1")                           \
  X(contact_delete, "DELETE FROM contact WHERE id = ?1")                                                     \
  X(contact_key_get, "SELECT key FROM contact_key WHERE contact = ?1")                                       \
  X(contact_key_put,                                                                                         \
    "INSERT INTO contact_key (contact, key) VALUES (?1, ?2) ON CONFLICT (contact) DO UPDATE SET key = "      \
    "excluded.key")                                                                                          \
  X(contact_key_delete, "DELETE FROM contact_key WHERE contact = ?1")                                        \
  X(contact_used, "SELECT 1 FROM domain WHERE registrant = ?1 LIMIT 1")                                      \
  X(host_get, "SELECT payload FROM host WHERE key = ?1")                                                     \
  X(host_exists, "SELECT 1 FROM host WHERE key = ?1")                                                        \
  X(host_page, "SELECT payload, key FROM host WHERE key > ?1 ORDER BY key LIMIT ?2")                         \
  X(host_range, "SELECT payload FROM host WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3")               \
  X(host_insert, "INSERT INTO host (key, payload) VALUES (?1, ?2)")                                          \
  X(host_update, "UPDATE host SET payload = ?2 WHERE key = ?1")                                              \
  X(host_delete, "DELETE FROM host WHERE key = ?1")                                                          \
  X(domain_get, "SELECT payload FROM domain WHERE key = ?1")                                                 \
  X(domain_page, "SELECT payload, key FROM domain WHERE key > ?1 ORDER BY key LIMIT ?2")                     \
  X(domain_of_tld, "SELECT payload FROM domain WHERE key >= ?1 AND key < ?2 AND tld = ?1 ORDER BY key")      \
  X(domain_any, "SELECT 1 FROM domain WHERE key >= ?1 AND key < ?2 AND tld = ?1 LIMIT 1")                    \
  X(domain_below, "SELECT payload FROM domain WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT 1")             \
  X(domain_insert, "INSERT INTO domain (key, tld, registrant, payload) VALUES (?1, ?2, nullif(?3, ''), ?4)") \
  X(domain_update, "UPDATE domain SET tld = ?2, registrant = nullif(?3, ''), payload = ?4 WHERE key = ?1")   \
  X(domain_delete, "DELETE FROM domain WHERE key = ?1")                                                      \
  X(link_insert, "INSERT INTO domain_ns (host, tld, domain) VALUES (?1, ?2, ?3)")                            \
  X(link_delete, "DELETE FROM domain_ns WHERE host = ?1 AND tld = ?2 AND domain = ?3")                       \
  X(link_used, "SELECT 1 FROM domain_ns WHERE host = ?1 AND tld = ?2 LIMIT 1")                               \
  X(link_domains, "SELECT domain FROM domain_ns WHERE host = ?1 ORDER BY tld, domain LIMIT ?2")              \
  X(identifier_get, "SELECT payload FROM identifier WHERE scheme = ?1 AND canonical = ?2")                   \
  X(identifier_at, "SELECT payload FROM identifier WHERE dns_name = ?1 ORDER BY scheme, canonical")          \
  X(identifier_page,                                                                                         \
    "SELECT payload, scheme, canonical FROM identifier WHERE (scheme, canonical) > (?1, ?2)"                 \
    " ORDER BY scheme, canonical LIMIT ?3")                                                                  \
  X(identifier_of_tld,                                                                                       \
    "SELECT payload FROM identifier WHERE dns_name >= ?1 AND dns_name < ?2 AND tld = ?1 ORDER BY dns_name")  \
  X(identifier_any, "SELECT 1 FROM identifier WHERE dns_name >= ?1 AND dns_name < ?2 AND tld = ?1 LIMIT 1")  \
  X(identifier_below, "SELECT 1 FROM identifier WHERE dns_name >= ?1 AND dns_name < ?2 LIMIT 1")             \
  X(identifier_insert,                                                                                       \
    "INSERT INTO identifier (scheme, canonical, dns_name, tld, payload) VALUES (?1, ?2, ?3, ?4, ?5)")        \
  X(identifier_update,                                                                                       \
    "UPDATE identifier SET dns_name = ?3, tld = ?4, payload = ?5 WHERE scheme = ?1 AND canonical = ?2")      \
  X(identifier_delete, "DELETE FROM identifier WHERE scheme = ?1 AND canonical = ?2")                        \
  X(event_insert,                                                                                            \
    "INSERT INTO event (seq, id, time, actor, command, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")            \
  X(event_get, "SELECT payload FROM event WHERE seq = ?1")                                                   \
  X(event_by_id, "SELECT payload FROM event WHERE id = ?1")                                                  \
  X(event_after, "SELECT payload FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2")                           \
  X(event_object_insert, "INSERT OR IGNORE INTO event_object (kind, key, seq) VALUES (?1, ?2, ?3)")          \
  X(event_object_last, "SELECT max(seq) FROM event_object WHERE kind = ?1 AND key = ?2")                     \
  X(past_get, "SELECT digest, outcome FROM idempotency WHERE actor = ?1 AND key = ?2")                       \
  X(past_put,                                                                                                \
    "INSERT INTO idempotency (actor, key, digest, outcome, time) VALUES (?1, ?2, ?3, ?4, ?5)"                \
    " ON CONFLICT (actor, key) DO UPDATE SET digest = excluded.digest, outcome = excluded.outcome,"          \
    " time = excluded.time")                                                                                 \
  X(past_delete, "DELETE FROM idempotency WHERE time < ?1")                                                  \
  X(sponsors_domain, "SELECT 1 FROM domain WHERE json_extract(payload, '$.sponsor') = ?1 LIMIT 1")           \
  X(sponsors_host, "SELECT 1 FROM host WHERE json_extract(payload, '$.sponsor') = ?1 LIMIT 1")               \
  X(sponsors_contact, "SELECT 1 FROM contact WHERE sponsor = ?1 LIMIT 1")                                    \
  X(sponsors_identifier, "SELECT 1 FROM identifier WHERE json_extract(payload, '$.sponsor') = ?1 LIMIT 1")

enum class Sql : std::uint8_t {
#define X(name, text) name,
  ONOMA_SQL_TABLE(X)
#undef X
};
// Each entry is said to be a view: long texts are made of several literals, which is no forgotten comma.
inline constexpr std::string_view kSqlText[] = {
#define X(name, text) std::string_view(text),
    ONOMA_SQL_TABLE(X)
#undef X
};
inline constexpr std::size_t kSqlCount = sizeof kSqlText / sizeof kSqlText[0];

}  // namespace onoma::store::sqlite
