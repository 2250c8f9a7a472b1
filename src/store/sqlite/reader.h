// Reading through one connection. The reader of the writing connection sees its uncommitted changes; others
// hold a read transaction from begin_snapshot() on.
#pragma once

#include <string>

#include "store/sqlite/database.h"
#include "store/store.h"

namespace onoma::store::sqlite {

class SqliteReader : public Reader {
 public:
  explicit SqliteReader(Database& database) : database_(database) {}

  Result<void> begin_snapshot();
  void end_snapshot();

  std::uint64_t last_seq() override;
  std::uint64_t generation() override;

  Result<std::optional<model::Tld>> tld(const model::Name& name) override;
  Result<std::optional<model::Registrar>> registrar(std::string_view id) override;
  Result<std::optional<model::Contact>> contact(std::string_view id) override;
  Result<std::optional<model::Host>> host(const model::Name& name) override;
  Result<std::optional<model::Domain>> domain(const model::Name& name) override;
  Result<std::optional<model::Identifier>> identifier(std::string_view scheme,
                                                      std::string_view canonical) override;
  Result<std::optional<model::Identifier>> identifier_at(const model::Name& dns_name) override;
  Result<std::vector<model::Identifier>> identifiers_at(const model::Name& dns_name) override;

  Result<std::vector<model::Tld>> tlds() override;
  Result<model::Page<model::Registrar>> registrars(std::string_view after, std::size_t limit) override;
  Result<model::Page<model::Contact>> contacts(std::string_view after, std::size_t limit) override;
  Result<model::Page<model::Host>> hosts(std::string_view after, std::size_t limit) override;
  Result<model::Page<model::Domain>> domains(std::string_view after, std::size_t limit) override;
  Result<model::Page<model::Identifier>> identifiers(std::string_view after, std::size_t limit) override;

  Result<void> each_domain(const model::Name& tld,
                           const std::function<Result<void>(model::Domain&&)>& visit) override;
  Result<void> each_identifier(const model::Name& tld,
                               const std::function<Result<void>(model::Identifier&&)>& visit) override;

  Result<bool> host_is_used(const model::Name& host, const model::Name& tld) override;
  Result<std::vector<model::Name>> domains_using(const model::Name& host, std::size_t limit) override;

  Result<std::optional<model::Event>> event(std::uint64_t seq) override;
  Result<std::optional<model::Event>> event_by_id(const Id128& id) override;
  Result<std::vector<model::Event>> events_after(std::uint64_t after, std::size_t limit) override;
  Result<std::optional<std::uint64_t>> last_event_of(model::ObjectKind kind, std::string_view key) override;

  Result<std::optional<Bytes>> contact_key(std::string_view contact) override;
  Result<std::optional<std::string>> registrar_token(std::string_view registrar) override;
  Result<std::optional<PastCommand>> past_command(std::string_view actor, std::string_view key) override;
  Result<bool> any_domain_in(const model::Name& tld) override;
  Result<bool> any_identifier_in(const model::Name& tld) override;
  Result<bool> any_identifier_at_or_below(const model::Name& name) override;
  Result<std::vector<model::Host>> hosts_below(const model::Name& name, std::size_t limit) override;
  Result<std::optional<model::Domain>> any_domain_below(const model::Name& name) override;
  Result<bool> host_exists(const model::Name& name) override;
  Result<bool> any_use_of_contact(std::string_view contact) override;
  Result<bool> any_object_of(std::string_view registrar) override;

 private:
  Database& database_;
};

// The first key behind the subtree whose root has the sort key `key`.
std::string end_of_subtree(std::string_view key);

}  // namespace onoma::store::sqlite
