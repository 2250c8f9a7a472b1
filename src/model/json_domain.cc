// Domain, Host and DS data.
#include <charconv>

#include <fmt/format.h>

#include "base/encoding.h"
#include "model/codec.h"

namespace onoma::model {

void write_ds(JsonWriter& out, const std::vector<DsData>& ds) {
  out.key("ds");
  out.open_array();
  for (const auto& one : ds) {
    out.open_object();
    out.member("key_tag", one.key_tag);
    out.member("algorithm", one.algorithm);
    out.member("digest_type", one.digest_type);
    out.member("digest", hex(one.digest));
    out.close_object();
  }
  out.close_array();
}

namespace {

template <class T>
bool take_number(std::string_view& text, T& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.empty() || text.front() != ' ') return false;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return true;
}

// "TAG ALGORITHM TYPE DIGEST", the digest with or without spaces (RFC 4034 §5.3).
std::optional<DsData> ds_from_text(std::string_view text) {
  DsData ds;
  if (!take_number(text, ds.key_tag) || !take_number(text, ds.algorithm) ||
      !take_number(text, ds.digest_type))
    return std::nullopt;
  std::string digits;
  for (char c : text)
    if (c != ' ') digits += c;
  auto digest = from_hex(digits);
  if (!digest || digest->empty()) return std::nullopt;
  ds.digest = *std::move(digest);
  return ds;
}

}  // namespace

bool read_ds(Fields& fields, std::vector<DsData>& out, Problem& problem) {
  std::vector<DsData> found;
  bool there = fields.array("ds", kMaxDs, [&](const boost::json::value& item, const std::string& path) {
    auto& ds = found.emplace_back();
    if (auto text = as_json_text(item)) {
      if (auto read = ds_from_text(*text))
        ds = *std::move(read);
      else
        problem =
            Error{Code::bad_syntax, "DS data as text is written \"TAG ALGORITHM DIGEST-TYPE DIGEST\"", path};
      return;
    }
    Fields members(item, path, problem);
    for (auto name : {"key_tag", "algorithm", "digest_type", "digest"}) members.require(name);
    members.number("key_tag", ds.key_tag);
    members.number("algorithm", ds.algorithm);
    members.number("digest_type", ds.digest_type);
    members.hex("digest", ds.digest, 1'024);
    members.finish();
  });
  if (there) out = std::move(found);
  return there;
}

std::string to_json(const Host& host) {
  JsonWriter out;
  out.open_object();
  out.member("name", host.name);
  out.list("addresses", host.addresses);
  out.member("a_ttl_s", host.a_ttl_s);
  out.member("aaaa_ttl_s", host.aaaa_ttl_s);
  out.list("statuses", host.statuses);
  write_origin(out, host.origin);
  out.close_object();
  return out.take();
}

Result<Host> host_from_json(std::string_view text) {
  return read_object<Host>(text, [](Fields& fields, Host& host, Problem&) {
    fields.require("name");
    fields.name("name", host.name);
    fields.texts("addresses", host.addresses, kMaxAddresses);
    fields.number("a_ttl_s", host.a_ttl_s);
    fields.number("aaaa_ttl_s", host.aaaa_ttl_s);
    fields.text_set("statuses", host.statuses, kMaxStatuses);
    read_origin(fields, host.origin);
  });
}

std::string to_json(const Domain& domain) {
  JsonWriter out;
  out.reserve(640);
  out.open_object();
  out.member("name", domain.name);
  out.member("unicode", domain.unicode);
  out.member("tld", domain.tld);
  out.list("name_servers", domain.name_servers);
  write_ds(out, domain.ds);
  out.member("ns_ttl_s", domain.ns_ttl_s);
  out.member("ds_ttl_s", domain.ds_ttl_s);
  out.member("registrant", domain.registrant);
  out.list("statuses", domain.statuses);
  out.member("expires", domain.expires);
  write_origin(out, domain.origin);
  out.close_object();
  return out.take();
}

Result<Domain> domain_from_json(std::string_view text) {
  return read_object<Domain>(text, [](Fields& fields, Domain& domain, Problem& problem) {
    fields.require("name");
    fields.require("tld");
    fields.name("name", domain.name);
    fields.text("unicode", domain.unicode, 1'024);
    fields.name("tld", domain.tld);
    fields.names("name_servers", domain.name_servers, kMaxNameServers);
    read_ds(fields, domain.ds, problem);
    fields.number("ns_ttl_s", domain.ns_ttl_s);
    fields.number("ds_ttl_s", domain.ds_ttl_s);
    fields.text("registrant", domain.registrant, 255);
    fields.text_set("statuses", domain.statuses, kMaxStatuses);
    fields.time("expires", domain.expires);
    read_origin(fields, domain.origin);
  });
}

}  // namespace onoma::model
