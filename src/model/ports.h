// The seams of the registry: how doors hand in commands (CommandPort), how everybody else reads
// (ObjectReader), and where screening and approval hook in (CommandHook).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/command.h"
#include "model/event.h"
#include "model/objects.h"

namespace onoma::model {

// A page of keys in ascending order; `next` is the token for the page behind it, empty at the end.
template <class T>
struct Page {
  std::vector<T> items;
  std::string next;
};

// Reads one consistent state: everything a Reader returns is as of `last_seq()`, however long it is held (a
// read transaction, so do not hold it for long). One thread at a time. Absent objects are nullopt, not
// errors.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual std::uint64_t last_seq() = 0;
  virtual std::uint64_t generation() = 0;  // raised by a restore

  virtual Result<std::optional<Tld>> tld(const Name& name) = 0;
  virtual Result<std::optional<Registrar>> registrar(std::string_view id) = 0;
  virtual Result<std::optional<Contact>> contact(std::string_view id) = 0;
  virtual Result<std::optional<Host>> host(const Name& name) = 0;
  virtual Result<std::optional<Domain>> domain(const Name& name) = 0;
  virtual Result<std::optional<Identifier>> identifier(std::string_view scheme,
                                                       std::string_view canonical) = 0;
  virtual Result<std::optional<Identifier>> identifier_at(const Name& dns_name) = 0;
  virtual Result<std::vector<Identifier>> identifiers_at(const Name& dns_name) = 0;

  virtual Result<std::vector<Tld>> tlds() = 0;
  // Listing, `limit` 1–1,000, `after` a token of the page before or empty.
  virtual Result<Page<Registrar>> registrars(std::string_view after, std::size_t limit) = 0;
  virtual Result<Page<Contact>> contacts(std::string_view after, std::size_t limit) = 0;
  virtual Result<Page<Host>> hosts(std::string_view after, std::size_t limit) = 0;
  virtual Result<Page<Domain>> domains(std::string_view after, std::size_t limit) = 0;
  virtual Result<Page<Identifier>> identifiers(std::string_view after, std::size_t limit) = 0;

  // Everything that is published in one zone, streamed; the callback may stop it with an error.
  virtual Result<void> each_domain(const Name& tld, const std::function<Result<void>(Domain&&)>& visit) = 0;
  virtual Result<void> each_identifier(const Name& tld,
                                       const std::function<Result<void>(Identifier&&)>& visit) = 0;

  // Does any domain of zone `tld` list this host as name server? Do domains at or above the host's name?
  virtual Result<bool> host_is_used(const Name& host, const Name& tld) = 0;
  // The domains that list `host`, at most `limit`.
  virtual Result<std::vector<Name>> domains_using(const Name& host, std::size_t limit) = 0;

  virtual Result<std::optional<Event>> event(std::uint64_t seq) = 0;
  virtual Result<std::optional<Event>> event_by_id(const Id128& id) = 0;
  // Events with seq > after, oldest first, at most `limit`.
  virtual Result<std::vector<Event>> events_after(std::uint64_t after, std::size_t limit) = 0;
  // The newest event that changed this object.
  virtual Result<std::optional<std::uint64_t>> last_event_of(ObjectKind kind, std::string_view key) = 0;
};

// Opens a reader on the newest committed state. Thread-safe.
class ReaderSource {
 public:
  virtual ~ReaderSource() = default;
  virtual Result<std::unique_ptr<ObjectReader>> open() = 0;
};

// Where doors hand in commands. Thread-safe. `done` is called exactly once, after the COMMIT that contains
// the change (or after the refusal), on a thread of the registry; it must return quickly and may not block.
class CommandPort {
 public:
  using Done = std::move_only_function<void(Result<Outcome>)>;
  virtual ~CommandPort() = default;
  virtual void submit(Command command, Context context, Done done) = 0;
  // Waits for the outcome. Not from a registry thread.
  Result<Outcome> run(Command command, Context context);
};

// Who holds this token? Thread-safe. unauthenticated when nobody does.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual Result<Registrar> authenticate(std::string_view token) = 0;
};

// Looks at a command before it is carried out; every hook must agree. Called on the registry's writer thread.
class CommandHook {
 public:
  virtual ~CommandHook() = default;
  virtual Result<void> before(const Command& command, const Context& context, ObjectReader& reader) = 0;
};

}  // namespace onoma::model
