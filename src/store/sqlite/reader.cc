#include "store/sqlite/reader.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "model/json.h"
#include "wire/name.h"

namespace onoma::store::sqlite {
namespace {

using model::Name;

// A payload that cannot be read was not written by us.
template <class T>
Result<T> read_payload(std::string_view payload, Result<T> (*read)(std::string_view)) {
  auto object = read(payload);
  if (object) return object;
  return fail(Code::corrupt, "a stored object cannot be read: " + object.error().message,
              object.error().field);
}

template <class T>
Result<std::optional<T>> one(Query& query, Result<T> (*read)(std::string_view)) {
  ONOMA_TRY(bool there, query.row());
  if (!there) return std::optional<T>();
  ONOMA_TRY(auto object, read_payload(query.text(0), read));
  return std::optional<T>(std::move(object));
}

template <class T>
Result<std::vector<T>> all(Query& query, Result<T> (*read)(std::string_view)) {
  std::vector<T> out;
  for (;;) {
    ONOMA_TRY(bool there, query.row());
    if (!there) return out;
    ONOMA_TRY(auto object, read_payload(query.text(0), read));
    out.push_back(std::move(object));
  }
}

Result<std::string> read_token(std::string_view after) {
  auto key = from_base64url(after);
  if (!key)
    return fail(Code::bad_syntax, "not a page token; use the one that came with the page before", "after");
  return std::string(as_text(*key));
}

std::size_t within_limit(std::size_t limit) {
  return std::clamp<std::size_t>(limit, 1, 1'000);
}

// Rows are (payload, key): one more than asked for tells whether a further page exists.
template <class T>
Result<model::Page<T>> page(Query& query, std::size_t limit, Result<T> (*read)(std::string_view)) {
  model::Page<T> out;
  std::string last;
  for (;;) {
    ONOMA_TRY(bool there, query.row());
    if (!there) return out;
    if (out.items.size() == limit) {
      out.next = base64url(as_bytes(last));
      return out;
    }
    ONOMA_TRY(auto object, read_payload(query.text(0), read));
    out.items.push_back(std::move(object));
    last = query.blob(1);
  }
}

std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::string end_of_subtree(std::string_view key) {
  // Descendants begin with the key, whose last octet is 00; inside a label, 00 and 01 are written 01 01 and
  // 01 02.
  if (key.empty()) return std::string(wire::kMaxSortKeyOctets + 1, '\xff');
  std::string end(key);
  end.back() = '\x01';
  return end;
}

Result<void> SqliteReader::begin_snapshot() {
  ONOMA_TRY_VOID(Query(database_, Sql::begin_read).run());
  // A read transaction begins with its first read.
  Query query(database_, Sql::last_seq);
  if (auto row = query.row(); !row) {
    end_snapshot();
    return std::unexpected(std::move(row).error());
  }
  return {};
}

void SqliteReader::end_snapshot() {
  if (!database_.in_transaction()) return;
  if (auto done = Query(database_, Sql::commit).run(); !done) log::error("store", done.error().message);
}

std::uint64_t SqliteReader::last_seq() {
  Query query(database_, Sql::last_seq);
  auto row = query.row();
  return row && *row ? static_cast<std::uint64_t>(query.integer(0)) : 0;
}

std::uint64_t SqliteReader::generation() {
  Query query(database_, Sql::meta_get);
  auto row = query.bind("generation").row();
  return row && *row ? static_cast<std::uint64_t>(query.integer(0)) : 0;
}

Result<std::optional<model::Tld>> SqliteReader::tld(const Name& name) {
  auto key = wire::sort_key(name);
  Query query(database_, Sql::tld_get);
  return one(query.bind_blob(key), model::tld_from_json);
}

Result<std::optional<model::Registrar>> SqliteReader::registrar(std::string_view id) {
  Query query(database_, Sql::registrar_get);
  return one(query.bind(id), model::registrar_from_json);
}

Result<std::optional<model::Contact>> SqliteReader::contact(std::string_view id) {
  Query query(database_, Sql::contact_get);
  return one(query.bind(id), model::contact_from_json);
}

Result<std::optional<model::Host>> SqliteReader::host(const Name& name) {
  auto key = wire::sort_key(name);
  Query query(database_, Sql::host_get);
  return one(query.bind_blob(key), model::host_from_json);
}

Result<bool> SqliteReader::host_exists(const Name& name) {
  auto key = wire::sort_key(name);
  Query query(database_, Sql::host_exists);
  return query.bind_blob(key).row();
}

Result<std::optional<model::Domain>> SqliteReader::domain(const Name& name) {
  auto key = wire::sort_key(name);
  Query query(database_, Sql::domain_get);
  return one(query.bind_blob(key), model::domain_from_json);
}

Result<std::optional<model::Identifier>> SqliteReader::identifier(std::string_view scheme,
                                                                  std::string_view canonical) {
  Query query(database_, Sql::identifier_get);
  return one(query.bind(scheme).bind(canonical), model::identifier_from_json);
}

Result<std::optional<model::Identifier>> SqliteReader::identifier_at(const Name& dns_name) {
  auto key = wire::sort_key(dns_name);
  Query query(database_, Sql::identifier_at);
  return one(query.bind_blob(key), model::identifier_from_json);
}

Result<std::vector<model::Identifier>> SqliteReader::identifiers_at(const Name& dns_name) {
  auto key = wire::sort_key(dns_name);
  Query query(database_, Sql::identifier_at);
  return all(query.bind_blob(key), model::identifier_from_json);
}

Result<std::vector<model::Tld>> SqliteReader::tlds() {
  Query query(database_, Sql::tld_all);
  return all(query, model::tld_from_json);
}

Result<model::Page<model::Registrar>> SqliteReader::registrars(std::string_view after, std::size_t limit) {
  ONOMA_TRY(auto key, read_token(after));
  Query query(database_, Sql::registrar_page);
  limit = within_limit(limit);
  return page(query.bind(key).bind(signed_of(limit + 1)), limit, model::registrar_from_json);
}

Result<model::Page<model::Contact>> SqliteReader::contacts(std::string_view after, std::size_t limit) {
  ONOMA_TRY(auto key, read_token(after));
  Query query(database_, Sql::contact_page);
  limit = within_limit(limit);
  return page(query.bind(key).bind(signed_of(limit + 1)), limit, model::contact_from_json);
}

Result<model::Page<model::Host>> SqliteReader::hosts(std::string_view after, std::size_t limit) {
  ONOMA_TRY(auto key, read_token(after));
  Query query(database_, Sql::host_page);
  limit = within_limit(limit);
  return page(query.bind_blob(key).bind(signed_of(limit + 1)), limit, model::host_from_json);
}

Result<model::Page<model::Domain>> SqliteReader::domains(std::string_view after, std::size_t limit) {
  ONOMA_TRY(auto key, read_token(after));
  Query query(database_, Sql::domain_page);
  limit = within_limit(limit);
  return page(query.bind_blob(key).bind(signed_of(limit + 1)), limit, model::domain_from_json);
}

Result<model::Page<model::Identifier>> SqliteReader::identifiers(std::string_view after, std::size_t limit) {
  ONOMA_TRY(auto key, read_token(after));
  // The token is "scheme:canonical"; a scheme has no colon.
  auto colon = std::min(key.find(':'), key.size());
  std::string_view scheme(key.data(), colon);
  std::string_view canonical = std::string_view(key).substr(std::min(colon + 1, key.size()));
  Query query(database_, Sql::identifier_page);
  limit = within_limit(limit);
  query.bind(scheme).bind(canonical).bind(signed_of(limit + 1));
  model::Page<model::Identifier> out;
  for (;;) {
    ONOMA_TRY(bool there, query.row());
    if (!there) return out;
    if (out.items.size() == limit) {
      out.next = base64url(as_bytes(out.items.back().scheme + ":" + out.items.back().canonical));
      return out;
    }
    ONOMA_TRY(auto object, read_payload(query.text(0), model::identifier_from_json));
    out.items.push_back(std::move(object));
  }
}

Result<void> SqliteReader::each_domain(const Name& tld,
                                       const std::function<Result<void>(model::Domain&&)>& visit) {
  auto key = wire::sort_key(tld), end = end_of_subtree(key);
  Query query(database_, Sql::domain_of_tld);
  query.bind_blob(key).bind_blob(end);
  for (;;) {
    ONOMA_TRY(bool there, query.row());
    if (!there) return {};
    ONOMA_TRY(auto domain, read_payload(query.text(0), model::domain_from_json));
    ONOMA_TRY_VOID(visit(std::move(domain)));
  }
}

Result<void> SqliteReader::each_identifier(const Name& tld,
                                           const std::function<Result<void>(model::Identifier&&)>& visit) {
  auto key = wire::sort_key(tld), end = end_of_subtree(key);
  Query query(database_, Sql::identifier_of_tld);
  query.bind_blob(key).bind_blob(end);
  for (;;) {
    ONOMA_TRY(bool there, query.row());
    if (!there) return {};
    ONOMA_TRY(auto identifier, read_payload(query.text(0), model::identifier_from_json));
    ONOMA_TRY_VOID(visit(std::move(identifier)));
  }
}

Result<bool> SqliteReader::host_is_used(const Name& host, const Name& tld) {
  auto key = wire::sort_key(host), zone = wire::sort_key(tld);
  Query query(database_, Sql::link_used);
  return query.bind_blob(key).bind_blob(zone).row();
}

Result<std::vector<Name>> SqliteReader::domains_using(const Name& host, std::size_t limit) {
  auto key = wire::sort_key(host);
  Query query(database_, Sql::link_domains);
  query.bind_blob(key).bind(signed_of(limit));
  std::vector<Name> out;
  for (;;) {
    ONOMA_TRY(bool there, query.row());
    if (!there) return out;
    auto name = Name::from_sort_key(query.blob(0));
    if (!name) return fail(Code::corrupt, "a stored name cannot be read");
    out.push_back(*std::move(name));
  }
}

Result<std::optional<model::Event>> SqliteReader::event(std::uint64_t seq) {
  Query query(database_, Sql::event_get);
  return one(query.bind(signed_of(seq)), model::event_from_json);
}

Result<std::optional<model::Event>> SqliteReader::event_by_id(const Id128& id) {
  Query query(database_, Sql::event_by_id);
  return one(query.bind_blob(ByteView(id.octets)), model::event_from_json);
}

Result<std::vector<model::Event>> SqliteReader::events_after(std::uint64_t after, std::size_t limit) {
  Query query(database_, Sql::event_after);
  return all(query.bind(signed_of(after)).bind(signed_of(limit)), model::event_from_json);
}

Result<std::optional<std::uint64_t>> SqliteReader::last_event_of(model::ObjectKind kind,
                                                                 std::string_view key) {
  Query query(database_, Sql::event_object_last);
  ONOMA_TRY(bool there, query.bind(static_cast<std::int64_t>(kind)).bind(key).row());
  auto seq = there ? query.integer(0) : 0;
  if (seq == 0) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(static_cast<std::uint64_t>(seq));
}

Result<std::optional<Bytes>> SqliteReader::contact_key(std::string_view contact) {
  Query query(database_, Sql::contact_key_get);
  ONOMA_TRY(bool there, query.bind(contact).row());
  if (!there) return std::optional<Bytes>();
  return std::optional<Bytes>(to_bytes(query.blob(0)));
}

Result<std::optional<std::string>> SqliteReader::registrar_token(std::string_view registrar) {
  Query query(database_, Sql::token_get);
  ONOMA_TRY(bool there, query.bind(registrar).row());
  if (!there) return std::optional<std::string>();
  return std::optional<std::string>(query.text(0));
}

Result<std::optional<PastCommand>> SqliteReader::past_command(std::string_view actor, std::string_view key) {
  Query query(database_, Sql::past_get);
  ONOMA_TRY(bool there, query.bind(actor).bind(key).row());
  if (!there) return std::optional<PastCommand>();
  PastCommand past;
  past.digest = query.text(0);
  ONOMA_TRY(past.outcome, read_payload(query.text(1), model::outcome_from_json));
  return std::optional<PastCommand>(std::move(past));
}

Result<bool> SqliteReader::any_domain_in(const Name& tld) {
  auto key = wire::sort_key(tld), end = end_of_subtree(key);
  Query query(database_, Sql::domain_any);
  return query.bind_blob(key).bind_blob(end).row();
}

Result<bool> SqliteReader::any_identifier_in(const Name& tld) {
  auto key = wire::sort_key(tld), end = end_of_subtree(key);
  Query query(database_, Sql::identifier_any);
  return query.bind_blob(key).bind_blob(end).row();
}

Result<bool> SqliteReader::any_identifier_at_or_below(const Name& name) {
  auto key = wire::sort_key(name), end = end_of_subtree(key);
  Query query(database_, Sql::identifier_below);
  return query.bind_blob(key).bind_blob(end).row();
}

Result<std::vector<model::Host>> SqliteReader::hosts_below(const Name& name, std::size_t limit) {
  auto key = wire::sort_key(name), end = end_of_subtree(key);
  Query query(database_, Sql::host_range);
  return all(query.bind_blob(key).bind_blob(end).bind(signed_of(limit)), model::host_from_json);
}

Result<std::optional<model::Domain>> SqliteReader::any_domain_below(const Name& name) {
  auto key = wire::sort_key(name), end = end_of_subtree(key);
  Query query(database_, Sql::domain_below);
  return one(query.bind_blob(key).bind_blob(end), model::domain_from_json);
}

Result<bool> SqliteReader::any_use_of_contact(std::string_view contact) {
  Query query(database_, Sql::contact_used);
  return query.bind(contact).row();
}

Result<bool> SqliteReader::any_object_of(std::string_view registrar) {
  for (auto sql :
       {Sql::sponsors_contact, Sql::sponsors_domain, Sql::sponsors_host, Sql::sponsors_identifier}) {
    Query query(database_, sql);
    ONOMA_TRY(bool there, query.bind(registrar).row());
    if (there) return true;
  }
  return false;
}

}  // namespace onoma::store::sqlite
