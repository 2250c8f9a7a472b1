// A write transaction on the writing connection, which it borrows.
#pragma once

#include <functional>

#include "store/sqlite/reader.h"

namespace onoma::store::sqlite {

class SqliteWrite final : public WriteTransaction {
 public:
  // `committed` is told after every successful commit.
  SqliteWrite(Database& database, std::function<void()> committed);
  ~SqliteWrite() override;
  Result<void> begin();

  Reader& reader() override { return reader_; }
  bool alive() const override { return database_.in_transaction(); }

  Result<void> savepoint() override;
  Result<void> release() override;
  Result<void> roll_back_to_savepoint() override;

  Result<void> put(const model::Tld& tld, const model::Tld* before, std::string_view json) override;
  Result<void> put(const model::Registrar& registrar, const model::Registrar* before,
                   std::string_view json) override;
  Result<void> put(const model::Contact& contact, const model::Contact* before,
                   std::string_view json) override;
  Result<void> put(const model::Host& host, const model::Host* before, std::string_view json) override;
  Result<void> put(const model::Domain& domain, const model::Domain* before, std::string_view json) override;
  Result<void> put(const model::Identifier& identifier, const model::Identifier* before,
                   std::string_view json) override;
  Result<void> erase(const model::Tld& tld) override;
  Result<void> erase(const model::Registrar& registrar) override;
  Result<void> erase(const model::Contact& contact) override;
  Result<void> erase(const model::Host& host) override;
  Result<void> erase(const model::Domain& domain) override;
  Result<void> erase(const model::Identifier& identifier) override;

  Result<void> put_contact_key(std::string_view contact, ByteView key) override;
  Result<void> erase_contact_key(std::string_view contact) override;
  Result<void> put_registrar_token(std::string_view registrar, std::string_view hash) override;
  Result<void> remember(std::string_view actor, std::string_view key, const PastCommand& past,
                        Time now) override;
  Result<void> forget_before(Time time) override;

  Result<std::uint64_t> next_roid() override;
  Result<void> append_event(model::Event& event) override;

  Result<void> commit() override;

 private:
  Result<void> must_change(Query& query);
  Result<void> link(const model::Domain& domain, const model::Name& host, Sql sql);

  Database& database_;
  SqliteReader reader_;
  std::function<void()> committed_;
  std::optional<std::int64_t> roid_;  // the last number given; written at the commit
};

}  // namespace onoma::store::sqlite
