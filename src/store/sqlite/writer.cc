#include "store/sqlite/writer.h"

#include <algorithm>

#include "base/log.h"
#include "model/json.h"

namespace onoma::store::sqlite {

using model::Name;

SqliteWrite::SqliteWrite(Database& database, std::function<void()> committed)
    : database_(database), reader_(database), committed_(std::move(committed)) {}

SqliteWrite::~SqliteWrite() {
  if (!database_.in_transaction()) return;
  if (auto done = Query(database_, Sql::roll_back).run(); !done) log::error("store", done.error().message);
}

Result<void> SqliteWrite::begin() {
  return Query(database_, Sql::begin_write).run();
}
Result<void> SqliteWrite::savepoint() {
  return Query(database_, Sql::savepoint).run();
}
Result<void> SqliteWrite::release() {
  return Query(database_, Sql::release).run();
}
Result<void> SqliteWrite::roll_back_to_savepoint() {
  ONOMA_TRY_VOID(Query(database_, Sql::roll_back_to).run());
  return release();
}

Result<void> SqliteWrite::commit() {
  if (!alive()) return fail(Code::io, "the database gave up the transaction; nothing was changed");
  if (roid_) ONOMA_TRY_VOID(Query(database_, Sql::roid_put).bind(*roid_).run());
  ONOMA_TRY_VOID(Query(database_, Sql::commit).run());
  committed_();
  return {};
}

// An update or delete of an object that was just read must hit it.
Result<void> SqliteWrite::must_change(Query& query) {
  ONOMA_TRY_VOID(query.run());
  if (database_.changes() != 1) return fail(Code::internal, "an object to be changed is not in the store");
  return {};
}

Result<void> SqliteWrite::put(const model::Tld& tld, const model::Tld* before, std::string_view json) {
  auto key = wire::sort_key(tld.name);
  Query query(database_, before ? Sql::tld_update : Sql::tld_insert);
  return must_change(query.bind_blob(key).bind(json));
}

Result<void> SqliteWrite::put(const model::Registrar& registrar, const model::Registrar* before,
                              std::string_view json) {
  Query query(database_, before ? Sql::registrar_update : Sql::registrar_insert);
  return must_change(query.bind(registrar.id).bind(json));
}

Result<void> SqliteWrite::put(const model::Contact& contact, const model::Contact* before,
                              std::string_view json) {
  Query query(database_, before ? Sql::contact_update : Sql::contact_insert);
  return must_change(query.bind(contact.id).bind(contact.origin.sponsor).bind(json));
}

Result<void> SqliteWrite::put(const model::Host& host, const model::Host* before, std::string_view json) {
  auto key = wire::sort_key(host.name);
  Query query(database_, before ? Sql::host_update : Sql::host_insert);
  return must_change(query.bind_blob(key).bind(json));
}

Result<void> SqliteWrite::link(const model::Domain& domain, const Name& host, Sql sql) {
  auto host_key = wire::sort_key(host), tld = wire::sort_key(domain.tld), key = wire::sort_key(domain.name);
  Query query(database_, sql);
  return must_change(query.bind_blob(host_key).bind_blob(tld).bind_blob(key));
}

Result<void> SqliteWrite::put(const model::Domain& domain, const model::Domain* before,
                              std::string_view json) {
  {
    auto key = wire::sort_key(domain.name), tld = wire::sort_key(domain.tld);
    Query query(database_, before ? Sql::domain_update : Sql::domain_insert);
    ONOMA_TRY_VOID(must_change(query.bind_blob(key).bind_blob(tld).bind(domain.registrant).bind(json)));
  }
  static const std::vector<Name> kNone;
  const auto& old = before ? before->name_servers : kNone;
  for (const auto& host : old)
    if (std::ranges::find(domain.name_servers, host) == domain.name_servers.end())
      ONOMA_TRY_VOID(link(domain, host, Sql::link_delete));
  for (const auto& host : domain.name_servers)
    if (std::ranges::find(old, host) == old.end()) ONOMA_TRY_VOID(link(domain, host, Sql::link_insert));
  return {};
}

Result<void> SqliteWrite::put(const model::Identifier& identifier, const model::Identifier* before,
                              std::string_view json) {
  auto dns_name = wire::sort_key(identifier.dns_name), tld = wire::sort_key(identifier.tld);
  Query query(database_, before ? Sql::identifier_update : Sql::identifier_insert);
  query.bind(identifier.scheme).bind(identifier.canonical).bind_blob(dns_name).bind_blob(tld).bind(json);
  return must_change(query);
}

Result<void> SqliteWrite::erase(const model::Tld& tld) {
  auto key = wire::sort_key(tld.name);
  Query query(database_, Sql::tld_delete);
  return must_change(query.bind_blob(key));
}

Result<void> SqliteWrite::erase(const model::Registrar& registrar) {
  ONOMA_TRY_VOID(Query(database_, Sql::token_delete).bind(registrar.id).run());
  Query query(database_, Sql::registrar_delete);
  return must_change(query.bind(registrar.id));
}

Result<void> SqliteWrite::erase(const model::Contact& contact) {
  ONOMA_TRY_VOID(erase_contact_key(contact.id));
  Query query(database_, Sql::contact_delete);
  return must_change(query.bind(contact.id));
}

Result<void> SqliteWrite::erase(const model::Host& host) {
  auto key = wire::sort_key(host.name);
  Query query(database_, Sql::host_delete);
  return must_change(query.bind_blob(key));
}

Result<void> SqliteWrite::erase(const model::Domain& domain) {
  for (const auto& host : domain.name_servers) ONOMA_TRY_VOID(link(domain, host, Sql::link_delete));
  auto key = wire::sort_key(domain.name);
  Query query(database_, Sql::domain_delete);
  return must_change(query.bind_blob(key));
}

Result<void> SqliteWrite::erase(const model::Identifier& identifier) {
  Query query(database_, Sql::identifier_delete);
  return must_change(query.bind(identifier.scheme).bind(identifier.canonical));
}

Result<void> SqliteWrite::put_contact_key(std::string_view contact, ByteView key) {
  return Query(database_, Sql::contact_key_put).bind(contact).bind_blob(key).run();
}

Result<void> SqliteWrite::erase_contact_key(std::string_view contact) {
  return Query(database_, Sql::contact_key_delete).bind(contact).run();
}

Result<void> SqliteWrite::put_registrar_token(std::string_view registrar, std::string_view hash) {
  return Query(database_, Sql::token_put).bind(registrar).bind(hash).run();
}

Result<void> SqliteWrite::remember(std::string_view actor, std::string_view key, const PastCommand& past,
                                   Time now) {
  auto outcome = model::to_json(past.outcome);
  Query query(database_, Sql::past_put);
  query.bind(actor).bind(key).bind(past.digest).bind(outcome).bind(now.time_since_epoch().count());
  return query.run();
}

Result<void> SqliteWrite::forget_before(Time time) {
  return Query(database_, Sql::past_delete).bind(time.time_since_epoch().count()).run();
}

Result<std::uint64_t> SqliteWrite::next_roid() {
  if (!roid_) {
    Query query(database_, Sql::meta_get);
    ONOMA_TRY(bool there, query.bind("roid").row());
    if (!there) return fail(Code::corrupt, "the store has lost its counter of object ids");
    roid_ = query.integer(0);
  }
  return static_cast<std::uint64_t>(++*roid_);
}

Result<void> SqliteWrite::append_event(model::Event& event) {
  event.seq = reader_.last_seq() + 1;
  auto seq = static_cast<std::int64_t>(event.seq);
  auto payload = model::to_json(event);
  {
    Query query(database_, Sql::event_insert);
    query.bind(seq).bind_blob(ByteView(event.id.octets)).bind(event.time.time_since_epoch().count());
    query.bind(event.actor).bind(event.command).bind(payload);
    ONOMA_TRY_VOID(query.run());
  }
  for (const auto& change : event.changes)
    ONOMA_TRY_VOID(Query(database_, Sql::event_object_insert)
                       .bind(static_cast<std::int64_t>(change.kind))
                       .bind(change.key)
                       .bind(seq)
                       .run());
  return {};
}

}  // namespace onoma::store::sqlite
