// Tld, and what every object carries.
#include <fmt/format.h>

#include "model/codec.h"
#include "wire/rrtype.h"

namespace onoma::model {

void write_origin(JsonWriter& out, const Origin& origin) {
  out.member("roid", origin.roid);
  out.member("sponsor", origin.sponsor);
  out.member("created_by", origin.created_by);
  out.member("created", origin.created);
  out.member("updated_by", origin.updated_by);
  out.member("updated", origin.updated);
  out.member("revision", origin.revision);
}

void read_origin(Fields& fields, Origin& origin) {
  fields.text("roid", origin.roid, 255);
  fields.text("sponsor", origin.sponsor, 255);
  fields.text("created_by", origin.created_by, 255);
  fields.time("created", origin.created);
  fields.text("updated_by", origin.updated_by, 255);
  fields.time("updated", origin.updated);
  fields.number("revision", origin.revision);
}

namespace {

constexpr std::string_view kGlue[] = {"narrow", "wide"};
constexpr std::string_view kSerial[] = {"counter", "unixtime", "datecounter"};
constexpr std::string_view kDenial[] = {"unsigned", "nsec", "nsec3", "nsec3_opt_out"};

template <std::size_t N, class E>
std::string_view word(const std::string_view (&words)[N], E value) {
  return words[static_cast<std::size_t>(value)];
}

void read_apex_record(const boost::json::value& value, const std::string& path, ApexRecord& out,
                      Problem& problem) {
  Fields fields(value, path, problem);
  std::string type;
  fields.require("type");
  fields.require("data");
  if (fields.text("type", type, 32)) {
    if (auto found = wire::parse_type(type))
      out.type = *found;
    else
      fields.set_problem(Code::bad_syntax, fmt::format("there is no record type \"{}\"", type), "type");
  }
  fields.number("ttl_s", out.ttl_s, 0, 0x7fffffff);
  fields.text("data", out.data);
  if (Name name; fields.name("name", name)) out.name = name;
  fields.finish();
}

}  // namespace

std::string to_json(const Tld& tld) {
  JsonWriter out;
  out.open_object();
  out.member("name", tld.name);
  out.member("mname", tld.mname);
  out.member("rname", tld.rname);
  out.member("refresh_s", tld.refresh_s);
  out.member("retry_s", tld.retry_s);
  out.member("expire_s", tld.expire_s);
  out.member("minimum_s", tld.minimum_s);
  out.member("soa_ttl_s", tld.soa_ttl_s);
  out.key("apex");
  out.open_array();
  for (const auto& record : tld.apex) {
    out.open_object();
    out.member("type", wire::type_text(record.type));
    out.member("ttl_s", record.ttl_s);
    out.member("data", record.data);
    if (record.name) out.member("name", *record.name);
    out.close_object();
  }
  out.close_array();
  out.member("ns_ttl_s", tld.ns_ttl_s);
  out.member("ds_ttl_s", tld.ds_ttl_s);
  out.member("address_ttl_s", tld.address_ttl_s);
  out.member("glue", word(kGlue, tld.glue));
  out.member("serial", word(kSerial, tld.serial));
  out.member("first_serial", tld.first_serial);
  out.member("denial", word(kDenial, tld.denial));
  if (tld.identifier_apex) out.member("identifier_apex", *tld.identifier_apex);
  out.member("max_domain_labels", tld.max_domain_labels);
  out.member("allow_idn", tld.allow_idn);
  out.member("term_years", tld.term_years);
  out.member("test_zone", tld.test_zone);
  write_origin(out, tld.origin);
  out.close_object();
  return out.take();
}

void read_tld(Fields& fields, Tld& tld, Problem& problem) {
  fields.name("mname", tld.mname);
  fields.name("rname", tld.rname);
  fields.number("refresh_s", tld.refresh_s, 0, 0x7fffffff);
  fields.number("retry_s", tld.retry_s, 0, 0x7fffffff);
  fields.number("expire_s", tld.expire_s, 0, 0x7fffffff);
  fields.number("minimum_s", tld.minimum_s, 0, 0x7fffffff);
  fields.number("soa_ttl_s", tld.soa_ttl_s, 0, 0x7fffffff);
  fields.array("apex", 1'000, [&](const boost::json::value& item, const std::string& path) {
    read_apex_record(item, path, tld.apex.emplace_back(ApexRecord{{}, 3600, {}}), problem);
  });
  fields.number("ns_ttl_s", tld.ns_ttl_s, 0, 0x7fffffff);
  fields.number("ds_ttl_s", tld.ds_ttl_s, 0, 0x7fffffff);
  fields.number("address_ttl_s", tld.address_ttl_s, 0, 0x7fffffff);
  fields.enumeration("glue", tld.glue, {kGlue[0], kGlue[1]});
  fields.enumeration("serial", tld.serial, {kSerial[0], kSerial[1], kSerial[2]});
  fields.number("first_serial", tld.first_serial);
  fields.enumeration("denial", tld.denial, {kDenial[0], kDenial[1], kDenial[2], kDenial[3]});
  if (Name apex; fields.name("identifier_apex", apex)) tld.identifier_apex = apex;
  fields.number("max_domain_labels", tld.max_domain_labels, 1, 126);
  fields.boolean("allow_idn", tld.allow_idn);
  fields.number("term_years", tld.term_years, 1, 10);
  fields.boolean("test_zone", tld.test_zone);
}

Result<Tld> tld_from_json(std::string_view text) {
  return read_object<Tld>(text, [](Fields& fields, Tld& tld, Problem& problem) {
    fields.require("name");
    fields.name("name", tld.name);
    read_tld(fields, tld, problem);
    read_origin(fields, tld.origin);
  });
}

}  // namespace onoma::model
