// Any octets as JSON of any object, event or command: no harm, and what is read is written and read again as
// the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/json.h"
#include "model/ports.h"

namespace {

using namespace onoma;

template <class T>
void round_trip(std::string_view text, Result<T> (*read)(std::string_view)) {
  auto object = read(text);
  if (!object) return;
  auto written = to_json(*object);
  auto again = read(written);
  if (!again || to_json(*again) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  static constexpr std::string_view kCommands[] = {
      "tld.create",     "tld.update",        "registrar.create",  "registrar.update",  "contact.create",
      "contact.update", "host.create",       "host.update",       "domain.create",     "domain.update",
      "domain.delete",  "identifier.create", "identifier.update", "identifier.delete", "import"};
  switch (auto which = data[0]; which) {
    case 'T':
      round_trip(text, model::tld_from_json);
      break;
    case 'R':
      round_trip(text, model::registrar_from_json);
      break;
    case 'C':
      round_trip(text, model::contact_from_json);
      break;
    case 'H':
      round_trip(text, model::host_from_json);
      break;
    case 'D':
      round_trip(text, model::domain_from_json);
      break;
    case 'I':
      round_trip(text, model::identifier_from_json);
      break;
    case 'E':
      round_trip(text, model::event_from_json);
      break;
    default:
      (void)model::command_from_json(kCommands[which % std::size(kCommands)], which & 16 ? "key" : "", text);
  }
  return 0;
}
