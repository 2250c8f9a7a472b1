#include "model/ports.h"

#include <future>

namespace onoma::model {

Result<Outcome> CommandPort::run(Command command, Context context) {
  std::promise<Result<Outcome>> promise;
  auto outcome = promise.get_future();
  submit(std::move(command), std::move(context),
         [&promise](Result<Outcome> result) { promise.set_value(std::move(result)); });
  return outcome.get();
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
