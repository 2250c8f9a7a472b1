// Registrar and Contact.
#include "base/encoding.h"
#include "model/codec.h"

namespace onoma::model {

std::string to_json(const Registrar& registrar) {
  JsonWriter out;
  out.open_object();
  out.member("id", registrar.id);
  out.member("name", registrar.name);
  out.member("role", registrar.role == Role::operator_ ? "operator" : "registrar");
  out.list("tlds", registrar.tlds);
  out.member("enabled", registrar.enabled);
  write_origin(out, registrar.origin);
  out.close_object();
  return out.take();
}

void read_registrar(Fields& fields, Registrar& registrar) {
  fields.text("name", registrar.name, 255);
  fields.enumeration("role", registrar.role, {"registrar", "operator"});
  fields.text_set("tlds", registrar.tlds, 10'000);
  fields.boolean("enabled", registrar.enabled);
}

Result<Registrar> registrar_from_json(std::string_view text) {
  return read_object<Registrar>(text, [](Fields& fields, Registrar& registrar, Problem&) {
    fields.require("id");
    fields.text("id", registrar.id, 255);
    read_registrar(fields, registrar);
    read_origin(fields, registrar.origin);
  });
}

std::string to_json(const Contact& contact) {
  JsonWriter out;
  out.open_object();
  out.member("id", contact.id);
  out.member("sealed", base64url(contact.sealed));
  out.member("erased", contact.erased);
  write_origin(out, contact.origin);
  out.close_object();
  return out.take();
}

Result<Contact> contact_from_json(std::string_view text) {
  return read_object<Contact>(text, [](Fields& fields, Contact& contact, Problem&) {
    fields.require("id");
    fields.text("id", contact.id, 255);
    fields.base64url("sealed", contact.sealed);
    fields.boolean("erased", contact.erased);
    read_origin(fields, contact.origin);
  });
}

std::string to_json(const ContactFields& contact) {
  JsonWriter out;
  out.open_object();
  for (const auto& [name, value] : contact.fields) out.member(name, value);
  out.close_object();
  return out.take();
}

Result<ContactFields> contact_fields_from_json(std::string_view text) {
  return read_object<ContactFields>(text, [](Fields& fields, ContactFields& contact, Problem&) {
    fields.each_text(
        [&](std::string_view name, std::string_view value) { contact.fields.emplace(name, value); });
  });
}

}  // namespace onoma::model
