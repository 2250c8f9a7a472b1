// Objects and events as JSON text, and back. One codec for the store, for events and for the REST door: field
// names are written down here and nowhere else. Reading is strict: unknown fields, wrong kinds and values out
// of range are errors that name the field. Depth and size are limited (32 levels, 1 MiB; an event 64 MiB).
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "model/command.h"
#include "model/event.h"
#include "model/objects.h"

namespace onoma::model {

std::string to_json(const Tld&);
std::string to_json(const Registrar&);
std::string to_json(const Contact&);  // the sealed octets as base64url
std::string to_json(const Host&);
std::string to_json(const Domain&);
std::string to_json(
    const Identifier&);  // data as text when it is UTF-8 without controls, else {"base64url": …}
std::string to_json(const Event&);
std::string to_json(const Outcome&);
std::string to_json(const ContactFields&);  // what is sealed; never in an event

Result<Tld> tld_from_json(std::string_view text);
Result<Registrar> registrar_from_json(std::string_view text);
Result<Contact> contact_from_json(std::string_view text);
Result<Host> host_from_json(std::string_view text);
Result<Domain> domain_from_json(std::string_view text);
Result<Identifier> identifier_from_json(std::string_view text);
Result<Event> event_from_json(std::string_view text);
Result<Outcome> outcome_from_json(std::string_view text);
Result<ContactFields> contact_fields_from_json(std::string_view text);

// Requests of the REST door → commands. `key` comes from the path (update, delete) and is empty for creates.
// Optional fields may be absent; an unknown field is Code::unknown_field with its name and the names that
// exist.
Result<Command> command_from_json(std::string_view command_name, std::string_view key, std::string_view body);

// Names as people write them, without the final dot; "." for the root.
std::string name_text(const Name& name);

}  // namespace onoma::model
