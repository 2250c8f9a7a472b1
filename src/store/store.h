// The SQL store: objects, events, secrets and remembered outcomes, behind an interface that a database
// product implements (store/sqlite). No policy lives here: the registry decides, the store keeps.
//
// What always holds: an event and the objects it changed are in one transaction; seq has no gaps; unique keys
// decide races; nothing is durable before commit() has returned. Errors: io (no space, read-only, hardware;
// the transaction is rolled back and later ones may succeed), corrupt, exists (a unique key), unavailable
// (too many readers, another process has the store), internal.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "model/command.h"
#include "model/event.h"
#include "model/objects.h"
#include "model/ports.h"

namespace onoma::store {

// An outcome kept to answer a retry.
struct PastCommand {
  std::string digest;
  model::Outcome outcome;  // without its secret
};

// ObjectReader, and the tables that no door sees.
class Reader : public model::ObjectReader {
 public:
  virtual Result<std::optional<Bytes>> contact_key(std::string_view contact) = 0;
  virtual Result<std::optional<std::string>> registrar_token(std::string_view registrar) = 0;  // salted hash
  virtual Result<std::optional<PastCommand>> past_command(std::string_view actor, std::string_view key) = 0;
  virtual Result<bool> any_domain_in(const model::Name& tld) = 0;
  virtual Result<bool> any_identifier_in(const model::Name& tld) = 0;
  virtual Result<bool> any_identifier_at_or_below(const model::Name& name) = 0;
  virtual Result<std::vector<model::Host>> hosts_below(const model::Name& name, std::size_t limit) = 0;
  virtual Result<std::optional<model::Domain>> any_domain_below(const model::Name& name) = 0;
  virtual Result<bool> host_exists(const model::Name& name) = 0;  // cheaper than reading it
  virtual Result<bool> any_use_of_contact(std::string_view contact) = 0;
  virtual Result<bool> any_object_of(std::string_view registrar) = 0;  // that it sponsors
};

// All writes. One at a time, on the thread that began it; rolled back unless committed. `json` is the
// object's form of model/json.h, which the caller needs anyway for the event. `before` is the object as it is
// in the store, or null for a new one.
class WriteTransaction {
 public:
  virtual ~WriteTransaction() = default;

  // Sees this transaction's own writes.
  virtual Reader& reader() = 0;
  // False once the database gave up the whole transaction: nothing more can be done in it.
  virtual bool alive() const = 0;

  // One level: a command's writes, which may be undone alone.
  virtual Result<void> savepoint() = 0;
  virtual Result<void> release() = 0;
  virtual Result<void> roll_back_to_savepoint() = 0;

  virtual Result<void> put(const model::Tld& tld, const model::Tld* before, std::string_view json) = 0;
  virtual Result<void> put(const model::Registrar& registrar, const model::Registrar* before,
                           std::string_view json) = 0;
  virtual Result<void> put(const model::Contact& contact, const model::Contact* before,
                           std::string_view json) = 0;
  virtual Result<void> put(const model::Host& host, const model::Host* before, std::string_view json) = 0;
  virtual Result<void> put(const model::Domain& domain, const model::Domain* before,
                           std::string_view json) = 0;
  virtual Result<void> put(const model::Identifier& identifier, const model::Identifier* before,
                           std::string_view json) = 0;
  virtual Result<void> erase(const model::Tld& tld) = 0;
  virtual Result<void> erase(const model::Registrar& registrar) = 0;  // with its token
  virtual Result<void> erase(const model::Contact& contact) = 0;      // with its key
  virtual Result<void> erase(const model::Host& host) = 0;
  virtual Result<void> erase(const model::Domain& domain) = 0;
  virtual Result<void> erase(const model::Identifier& identifier) = 0;

  virtual Result<void> put_contact_key(std::string_view contact, ByteView key) = 0;
  virtual Result<void> erase_contact_key(std::string_view contact) = 0;
  virtual Result<void> put_registrar_token(std::string_view registrar, std::string_view hash) = 0;
  virtual Result<void> remember(std::string_view actor, std::string_view key, const PastCommand& past,
                                Time now) = 0;
  virtual Result<void> forget_before(Time time) = 0;  // remembered outcomes

  // Numbers for repository object ids; never given twice.
  virtual Result<std::uint64_t> next_roid() = 0;
  // Gives the event its seq.
  virtual Result<void> append_event(model::Event& event) = 0;

  virtual Result<void> commit() = 0;
};

class Store : public model::ReaderSource {
 public:
  // Thread-safe. At most Options::max_readers at a time; they may outlive the store.
  virtual Result<std::unique_ptr<Reader>> open_reader() = 0;
  Result<std::unique_ptr<model::ObjectReader>> open() final { return open_reader(); }

  // One transaction at a time, always from one thread.
  virtual Result<std::unique_ptr<WriteTransaction>> begin() = 0;
  // To be called from the writing thread when it has nothing else to do: brings the log into the database
  // file.
  virtual void when_idle() = 0;
};

struct Options {
  std::string path;  // the database file; its folder is made if it is missing
  std::size_t max_readers = 128;
  std::uint64_t max_pages = 0;  // 0: as large as the disk permits; pages have 8,192 octets
};
// Opens or creates. corrupt: not a store of this program, or damaged; unavailable: in use by another process.
// After an unclean stop the file is checked first, which takes seconds for gigabytes.
Result<std::unique_ptr<Store>> open_sqlite(const Options& options);

}  // namespace onoma::store
