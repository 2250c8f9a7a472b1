#include "model/ports.h"

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace onoma::model {

Result<Outcome> CommandPort::run(Command command, Context context) {
  // Shared, because the caller may go on while the other thread still holds it.
  struct Waiting {
    std::optional<Result<Outcome>> outcome;
    std::atomic<bool> done{false};
  };
  const auto waiting = std::make_shared<Waiting>();
  submit(std::move(command), std::move(context), [waiting](Result<Outcome> result) {
    waiting->outcome = std::move(result);
    waiting->done.store(true, std::memory_order_release);
    waiting->done.notify_one();
  });
  waiting->done.wait(false, std::memory_order_acquire);
  return *std::move(waiting->outcome);
}

std::string_view command_name(const Command& command) {
  static constexpr std::string_view kNames[] = {
      "tld.create",       "tld.update",        "tld.delete",        "registrar.create",  "registrar.update",
      "registrar.delete", "contact.create",    "contact.update",    "contact.erase",     "contact.delete",
      "host.create",      "host.update",       "host.delete",       "domain.create",     "domain.update",
      "domain.delete",    "identifier.create", "identifier.update", "identifier.delete", "import"};
  static_assert(std::size(kNames) == std::variant_size_v<Command>);
  return kNames[command.index()];
}

}  // namespace onoma::model
