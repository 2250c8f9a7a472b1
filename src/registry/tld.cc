// Zones that the registry operates.
#include <algorithm>

#include <fmt/format.h>

#include "ident/idn.h"
#include "registry/checks.h"
#include "registry/policy.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::registry {
namespace {

using wire::RRType;

// Types that are made elsewhere: the SOA from the object's own fields, signatures and chains by the signer.
bool is_made_elsewhere(RRType type) {
  return type == RRType::SOA || type == RRType::ZONEMD || wire::is_made_by_signer(type) ||
         wire::is_meta_type(type);
}

// A record of the zone's own below its apex: where no object of the registry has a say.
Result<void> check_below_apex(Work& work, const model::Tld& tld, const model::ApexRecord& record,
                              const std::string& field) {
  const auto& name = *record.name;
  const auto text = model::name_text(name);
  if (!name.is_at_or_below(tld.name) || name == tld.name || name.view().is_wildcard())
    return fail(Code::policy_refused,
                fmt::format("\"{}\" is no name below \"{}\"; leave it out for the apex", text,
                            model::name_text(tld.name)),
                field + ".name");
  if (record.type == RRType::NS || record.type == RRType::A || record.type == RRType::AAAA ||
      record.type == RRType::DNAME)
    return fail(
        Code::policy_refused,
        fmt::format("{} records below the apex are those of domains and hosts", wire::type_text(record.type)),
        field + ".type");
  for (Name at = name; at.label_count() > tld.name.label_count(); at = at.parent()) {
    ONOMA_TRY(auto domain, work.reader.domain(at));
    if (domain || work.zones.find(at))
      return fail(Code::association_prohibits,
                  fmt::format("\"{}\" is registered and contains this name", model::name_text(at)),
                  field + ".name");
  }
  if (tld.identifier_apex && !(*tld.identifier_apex == tld.name) && name.is_at_or_below(*tld.identifier_apex))
    return fail(Code::policy_refused, fmt::format("\"{}\" is kept for identifiers", text), field + ".name");
  ONOMA_TRY(const auto identifiers, work.reader.identifiers_at(name));
  if (!identifiers.empty())
    return fail(Code::association_prohibits, fmt::format("identifiers are published at \"{}\"", text),
                field + ".name");
  return {};
}

Result<void> check_apex(Work& work, model::Tld& tld) {
  for (auto& record : tld.apex)
    if (record.name) record.name = record.name->lower();
  bool has_ns = false;
  for (std::size_t i = 0; i < tld.apex.size(); ++i) {
    const auto& record = tld.apex[i];
    auto line = fmt::format("{} {}", wire::type_text(record.type), record.data);
    if (is_made_elsewhere(record.type))
      return fail(
          Code::policy_refused,
          fmt::format("\"{}\": records of this type are made by the registry itself; leave it out", line),
          fmt::format("apex[{}].type", i));
    if (record.name) ONOMA_TRY_VOID(check_below_apex(work, tld, record, fmt::format("apex[{}]", i)));
    if (record.type == RRType::CNAME || record.type == RRType::DS)
      return fail(Code::policy_refused, fmt::format("\"{}\": this type cannot stand at a zone's apex", line),
                  fmt::format("apex[{}].type", i));
    auto rdata = wire::parse_rdata(record.type, record.data, {});
    if (!rdata)
      return fail(Code::bad_syntax,
                  fmt::format("\"{}\" cannot be read: {}", line, wire::describe(rdata.error())),
                  fmt::format("apex[{}].data", i));
    has_ns |= record.type == RRType::NS && !record.name;
    for (std::size_t j = 0; j < i; ++j)
      if (tld.apex[j].type == record.type && tld.apex[j].data == record.data &&
          tld.apex[j].name == record.name)
        return fail(Code::bad_syntax, fmt::format("\"{}\" is there twice", line), fmt::format("apex[{}]", i));
  }
  if (!has_ns)
    return fail(Code::missing_field,
                "a zone needs at least one NS record at its apex, like "
                "{\"type\":\"NS\",\"data\":\"ns1.example.net.\"}",
                "apex");
  return {};
}

Result<void> check_tld(Work& work, model::Tld& tld) {
  ONOMA_TRY_VOID(check_apex(work, tld));
  if (tld.mname.is_root()) {
    auto ns = std::ranges::find(tld.apex, RRType::NS,
                                &model::ApexRecord::type);  // at the apex: below it there is none
    tld.mname = Name(wire::target_name(RRType::NS, *wire::parse_rdata(RRType::NS, ns->data, {}))).lower();
  }
  if (tld.rname.is_root()) {
    auto rname = Name::prepend(as_bytes("hostmaster"), tld.name);
    if (rname) tld.rname = *std::move(rname);
  }
  if (tld.max_domain_labels < 1 || tld.max_domain_labels > 126)
    return fail(Code::out_of_range, "a registered name has 1 to 126 labels below the zone",
                "max_domain_labels");
  if (tld.term_years < 1 || tld.term_years > 10)
    return fail(Code::out_of_range, "a term is 1 to 10 years", "term_years");
  if (tld.identifier_apex) {
    auto& apex = *tld.identifier_apex;
    if (!apex.is_at_or_below(tld.name))
      return fail(
          Code::policy_refused,
          fmt::format(
              "\"{}\" does not lie in this zone; identifiers are published at or below the zone's name",
              model::name_text(apex)),
          "identifier_apex");
    for (Name at = apex; at.label_count() > tld.name.label_count(); at = at.parent()) {
      ONOMA_TRY(auto domain, work.reader.domain(at));
      if (domain || work.zones.find(at))
        return fail(Code::association_prohibits,
                    fmt::format("\"{}\" is registered, so that identifiers cannot be published below it",
                                model::name_text(at)),
                    "identifier_apex");
    }
  }
  return {};
}

// A zone below another one of ours is a cut in that one: nothing may be registered there.
Result<void> check_place(Work& work, const Name& name) {
  const auto* parent = work.zones.above(name);
  if (!parent) return {};
  for (Name at = name; at.label_count() > parent->name.label_count(); at = at.parent()) {
    ONOMA_TRY(auto domain, work.reader.domain(at));
    if (domain)
      return fail(Code::association_prohibits,
                  fmt::format("\"{}\" is a registered domain of the zone \"{}\"; delete it first",
                              model::name_text(at), model::name_text(parent->name)),
                  "name");
  }
  ONOMA_TRY(auto below, work.reader.any_domain_below(name));
  if (below && below->tld == parent->name)
    return fail(Code::association_prohibits,
                fmt::format("\"{}\" is registered in the zone \"{}\"; delete it first",
                            model::name_text(below->name), model::name_text(parent->name)),
                "name");
  if (parent->identifier_apex &&
      (parent->identifier_apex->is_at_or_below(name) || name.is_at_or_below(*parent->identifier_apex)))
    return fail(Code::association_prohibits,
                fmt::format("the zone \"{}\" publishes identifiers there", model::name_text(parent->name)),
                "name");
  return {};
}

}  // namespace

Result<void> apply(Work& work, const model::TldCreate& command) {
  ONOMA_TRY_VOID(work.need_operator());
  auto tld = command.tld;
  tld.name = tld.name.lower();
  if (!tld.name.is_root()) {
    auto idn = ident::idn_register(model::name_text(tld.name));
    if (!idn) return fail(idn.error().code, idn.error().message, "name");
    tld.name = idn->ascii;
  }
  if (work.zones.find(tld.name))
    return fail(Code::exists, fmt::format("the zone \"{}\" is operated already", model::name_text(tld.name)),
                "name");
  ONOMA_TRY_VOID(work.need_revision(nullptr));
  ONOMA_TRY_VOID(check_place(work, tld.name));
  ONOMA_TRY_VOID(check_tld(work, tld));
  tld.origin = {};
  ONOMA_TRY_VOID(work.put<model::Tld>(tld, nullptr));
  work.zones.forget();
  work.show(tld);
  return {};
}

Result<void> apply(Work& work, const model::TldUpdate& command) {
  ONOMA_TRY_VOID(work.need_operator());
  ONOMA_TRY(auto before, work.reader.tld(command.tld.name));
  if (!before)
    return fail(Code::not_found, fmt::format("there is no zone \"{}\"", model::name_text(command.tld.name)),
                "name");
  ONOMA_TRY_VOID(work.need_revision(&before->origin));
  auto tld = command.tld;
  tld.name = before->name;
  ONOMA_TRY_VOID(check_tld(work, tld));
  if (tld.identifier_apex != before->identifier_apex) {
    ONOMA_TRY(bool used, work.reader.any_identifier_in(tld.name));
    if (used)
      return fail(Code::association_prohibits,
                  "identifiers are published below the present apex; delete them first", "identifier_apex");
  }
  ONOMA_TRY_VOID(work.put(tld, &*before));
  work.zones.forget();
  work.show(tld);
  return {};
}

Result<void> apply(Work& work, const model::TldDelete& command) {
  ONOMA_TRY_VOID(work.need_operator());
  ONOMA_TRY(auto tld, work.reader.tld(command.name));
  if (!tld)
    return fail(Code::not_found, fmt::format("there is no zone \"{}\"", model::name_text(command.name)),
                "name");
  ONOMA_TRY_VOID(work.need_revision(&tld->origin));
  ONOMA_TRY(bool domains, work.reader.any_domain_in(tld->name));
  if (domains)
    return fail(Code::association_prohibits, "domains are registered in the zone; delete them first", "name");
  ONOMA_TRY(bool identifiers, work.reader.any_identifier_in(tld->name));
  if (identifiers)
    return fail(Code::association_prohibits, "identifiers are published in the zone; delete them first",
                "name");
  ONOMA_TRY_VOID(work.erase(*tld));
  work.zones.forget();
  return {};
}

}  // namespace onoma::registry
