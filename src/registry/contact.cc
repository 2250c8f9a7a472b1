// Contacts: personal data, sealed under a key of each contact's own before anything is written. The id is
// sealed in as associated data, so that octets moved to another contact do not open.
#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/seal.h"
#include "registry/checks.h"
#include "registry/policy.h"
#include "registry/registry.h"

namespace onoma::registry {
namespace {

struct FieldRule {
  std::string_view name;
  bool required;
};
constexpr FieldRule kFields[] = {{"name", true},   {"email", true}, {"org", false}, {"street", false},
                                 {"city", false},  {"sp", false},   {"pc", false},  {"cc", false},
                                 {"voice", false}, {"fax", false}};
constexpr std::size_t kMaxFieldOctets = 255;
constexpr std::size_t kMaxStreetOctets = 3 * kMaxFieldOctets + 2;  // three lines

bool is_phone(std::string_view text) {
  // "+CC.NUMBER", with an extension behind "x" (RFC 5733 §2.5).
  if (text.size() < 4 || text[0] != '+') return false;
  auto dot = text.find('.');
  if (dot == std::string_view::npos || dot < 2 || dot > 4) return false;
  auto number = text.substr(dot + 1);
  auto extension = number.find('x');
  auto digits = [](std::string_view part) {
    return std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  auto main = number.substr(0, extension);
  return digits(text.substr(1, dot - 1)) && !main.empty() && main.size() <= 14 && digits(main) &&
         (extension == std::string_view::npos || digits(number.substr(extension + 1)));
}

bool is_email(std::string_view text) {
  auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || at + 1 == text.size()) return false;
  auto host = text.substr(at + 1);
  return text.find(' ') == std::string_view::npos && host.find('@') == std::string_view::npos &&
         host.front() != '.' && host.find("..") == std::string_view::npos;
}

Result<void> check(const model::ContactFields& data) {
  for (const auto& [name, value] : data.fields) {
    auto field = "fields." + name;
    if (std::ranges::find(kFields, name, &FieldRule::name) == std::end(kFields)) {
      std::string names;
      for (const auto& rule : kFields) names += (names.empty() ? "" : ", ") + std::string(rule.name);
      return fail(Code::unknown_field,
                  fmt::format("a contact has no field \"{}\"; its fields are: {}", name, names), field);
    }
    bool street = name == "street";
    if (value.size() > (street ? kMaxStreetOctets : kMaxFieldOctets))
      return fail(Code::out_of_range,
                  fmt::format("at most {} octets", street ? kMaxStreetOctets : kMaxFieldOctets), field);
    auto bad = [&](char c) { return static_cast<unsigned char>(c) < 0x20 && !(street && c == '\n'); };
    if (!is_utf8(value) || std::ranges::any_of(value, bad))
      return fail(Code::bad_syntax, "the text must be UTF-8 without control characters", field);
    if (street && std::ranges::count(value, '\n') > 2)
      return fail(Code::out_of_range, "at most three lines", field);
  }
  for (const auto& rule : kFields) {
    auto found = data.fields.find(std::string(rule.name));
    if (rule.required && (found == data.fields.end() || found->second.empty()))
      return fail(Code::missing_field, fmt::format("a contact needs \"{}\"", rule.name),
                  fmt::format("fields.{}", rule.name));
  }
  if (!is_email(data.fields.at("email")))
    return fail(Code::bad_syntax, "an e-mail address is written name@host", "fields.email");
  if (auto cc = data.fields.find("cc"); cc != data.fields.end()) {
    auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (cc->second.size() != 2 || !std::ranges::all_of(cc->second, letter) || cc->second == "XX")
      return fail(Code::bad_syntax, "a country is two capital letters of ISO 3166-1, like DE or CN",
                  "fields.cc");
  }
  for (const auto* phone : {"voice", "fax"})
    if (auto found = data.fields.find(phone); found != data.fields.end() && !is_phone(found->second))
      return fail(Code::bad_syntax, "a number is written +49.3012345", fmt::format("fields.{}", phone));
  return {};
}

Result<model::Contact> existing(Work& work, const std::string& id) {
  ONOMA_TRY(auto contact, work.reader.contact(id));
  if (!contact) return fail(Code::not_found, fmt::format("there is no contact \"{}\"", id), "id");
  ONOMA_TRY_VOID(work.need_sponsor(contact->origin));
  ONOMA_TRY_VOID(work.need_revision(&contact->origin));
  return *std::move(contact);
}

Bytes seal(Work& work, const crypto::SealKey& key, const std::string& id, const model::ContactFields& data) {
  return crypto::seal(key, as_bytes(model::to_json(data)), as_bytes(id), work.rng);
}

Result<model::ContactFields> open(store::Reader& reader, const model::Contact& contact) {
  ONOMA_TRY(auto octets, reader.contact_key(contact.id));
  if (!octets) return fail(Code::gone, "the contact's data was erased");
  ONOMA_TRY(auto key, crypto::SealKey::from_bytes(*octets));
  ONOMA_TRY(auto plain, crypto::open(key, contact.sealed, as_bytes(contact.id)));
  return model::contact_fields_from_json(as_text(plain));
}

}  // namespace

Result<void> apply(Work& work, const model::ContactCreate& command) {
  ONOMA_TRY_VOID(check_id(command.id));
  ONOMA_TRY_VOID(check(command.data));
  ONOMA_TRY(auto present, work.reader.contact(command.id));
  if (present) return fail(Code::exists, fmt::format("the contact \"{}\" exists already", command.id), "id");
  ONOMA_TRY_VOID(work.need_revision(nullptr));
  auto key = crypto::SealKey::random(work.rng);
  model::Contact contact;
  contact.id = command.id;
  contact.sealed = seal(work, key, command.id, command.data);
  ONOMA_TRY_VOID(work.put<model::Contact>(contact, nullptr));
  ONOMA_TRY_VOID(work.transaction.put_contact_key(command.id, key.bytes()));
  work.show(contact);
  return {};
}

Result<void> apply(Work& work, const model::ContactUpdate& command) {
  ONOMA_TRY(auto before, existing(work, command.id));
  if (before.erased) return fail(Code::gone, "the contact was erased; create a new one", "id");
  ONOMA_TRY_VOID(check(command.data));
  ONOMA_TRY(auto present, open(work.reader, before));
  auto contact = before;
  if (present.fields != command.data.fields) {
    ONOMA_TRY(auto octets, work.reader.contact_key(command.id));
    ONOMA_TRY(auto key, crypto::SealKey::from_bytes(*octets));
    contact.sealed = seal(work, key, command.id, command.data);
  }
  ONOMA_TRY_VOID(work.put(contact, &before));
  work.show(contact);
  return {};
}

Result<void> apply(Work& work, const model::ContactErase& command) {
  ONOMA_TRY(auto before, existing(work, command.id));
  auto contact = before;
  contact.erased = true;
  ONOMA_TRY_VOID(work.transaction.erase_contact_key(contact.id));
  ONOMA_TRY_VOID(work.put(contact, &before));
  work.show(contact);
  return {};
}

Result<void> apply(Work& work, const model::ContactDelete& command) {
  ONOMA_TRY(auto contact, existing(work, command.id));
  ONOMA_TRY(bool used, work.reader.any_use_of_contact(contact.id));
  if (used) return fail(Code::association_prohibits, "the contact is the registrant of a domain", "id");
  return work.erase(contact);
}

Result<model::ContactFields> Registry::open_contact(const model::Contact& contact) {
  ONOMA_TRY(auto reader, store_->open_reader());
  return registry::open(*reader, contact);
}

}  // namespace onoma::registry
