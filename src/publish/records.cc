#include "publish/records.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::publish {

using model::Identifier;
using model::Value;
using wire::RRset;
using wire::RRType;

namespace {

constexpr std::size_t kSetMaxOctets = 4096;
constexpr std::uint32_t kTtlMin = 60, kTtlMax = 86400;

void add_set(std::vector<RRset>& out, RRset set) {
  if (set.rdatas.empty()) return;
  set.normalise();
  out.push_back(std::move(set));
}

Bytes address_rdata(const std::string& text, int family) {
  Bytes octets(family == AF_INET ? 4 : 16);
  if (::inet_pton(family, text.c_str(), octets.data()) != 1) octets.clear();
  return octets;
}

std::vector<Value> public_values(const Identifier& identifier) {
  std::vector<Value> values;
  std::copy_if(identifier.values.begin(), identifier.values.end(), std::back_inserter(values),
               [](const Value& value) { return value.publicly_readable(); });
  std::sort(values.begin(), values.end(), [](const Value& a, const Value& b) { return a.index < b.index; });
  return values;
}

std::uint32_t ttl_of(const Value& value, Time now) {
  if (!value.ttl_absolute) return value.ttl_s;
  const auto left = static_cast<std::int64_t>(value.ttl_s) - unix_seconds(now);
  return static_cast<std::uint32_t>(std::max<std::int64_t>(0, left));
}

// TXT data: character strings of at most 255 octets.
Bytes txt_rdata(std::string_view text) {
  Bytes out;
  do {
    const auto piece = text.substr(0, 255);
    out.push_back(static_cast<std::uint8_t>(piece.size()));
    append(out, as_bytes(piece));
    text.remove_prefix(piece.size());
  } while (!text.empty());
  return out;
}

Bytes uri_rdata(std::size_t rank, ByteView url) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(static_cast<std::uint16_t>(std::min<std::size_t>(10 + rank, 0xFFFF)));
  writer.u16(1);
  writer.bytes(url);
  return out;
}

std::string pointer_text(const Identifier& identifier, std::size_t public_count) {
  return fmt::format("v=onid1;s={};st={};n={};d={};i={}", identifier.scheme, identifier.status, public_count,
                     base64url(record_digest(identifier)), identifier.canonical);
}

std::size_t octets_of(const RRset& set) {
  std::size_t total = 0;
  for (const auto& rdata : set.rdatas) total += set.owner.size() + 10 + rdata.size();
  return total;
}

}  // namespace

bool is_published(const model::Domain& domain) {
  if (domain.name_servers.empty()) return false;
  static constexpr std::array<std::string_view, 4> kWithheld{"clientHold", "serverHold", "pendingCreate",
                                                             "pendingDelete"};
  return std::none_of(kWithheld.begin(), kWithheld.end(),
                      [&](std::string_view status) { return domain.statuses.contains(std::string(status)); });
}

std::vector<RRset> records_for(const model::Domain& domain, const model::Tld& tld) {
  std::vector<RRset> out;
  if (!is_published(domain)) return out;
  RRset ns{.owner = domain.name, .type = RRType::NS, .ttl = domain.ns_ttl_s.value_or(tld.ns_ttl_s)};
  for (const auto& host : domain.name_servers)
    ns.rdatas.push_back(Bytes(host.wire().begin(), host.wire().end()));
  add_set(out, std::move(ns));
  RRset ds{.owner = domain.name, .type = RRType::DS, .ttl = domain.ds_ttl_s.value_or(tld.ds_ttl_s)};
  for (const auto& data : domain.ds) {
    Bytes rdata;
    ByteWriter writer(rdata);
    writer.u16(data.key_tag);
    writer.u8(data.algorithm);
    writer.u8(data.digest_type);
    writer.bytes(data.digest);
    ds.rdatas.push_back(std::move(rdata));
  }
  add_set(out, std::move(ds));
  return out;
}

std::vector<RRset> records_for(const model::Host& host, const model::Tld& tld) {
  RRset a{.owner = host.name, .type = RRType::A, .ttl = host.a_ttl_s.value_or(tld.address_ttl_s)};
  RRset aaaa{.owner = host.name, .type = RRType::AAAA, .ttl = host.aaaa_ttl_s.value_or(tld.address_ttl_s)};
  for (const auto& address : host.addresses) {
    const bool v6 = address.find(':') != std::string::npos;
    auto rdata = address_rdata(address, v6 ? AF_INET6 : AF_INET);
    if (!rdata.empty()) (v6 ? aaaa : a).rdatas.push_back(std::move(rdata));
  }
  std::vector<RRset> out;
  add_set(out, std::move(a));
  add_set(out, std::move(aaaa));
  return out;
}

std::vector<RRset> records_for(const model::Tld& tld) {
  std::vector<RRset> out;
  const wire::Soa soa{.mname = tld.mname,
                      .rname = tld.rname,
                      .serial = 0,
                      .refresh_s = tld.refresh_s,
                      .retry_s = tld.retry_s,
                      .expire_s = tld.expire_s,
                      .minimum_s = tld.minimum_s};
  add_set(out, {.owner = tld.name, .type = RRType::SOA, .ttl = tld.soa_ttl_s, .rdatas = {soa.rdata()}});
  std::map<std::pair<wire::Name, RRType>, RRset> sets;
  for (const auto& record : tld.apex) {
    auto rdata = wire::parse_rdata(record.type, record.data, tld.name);
    if (!rdata) continue;
    const auto& owner = record.name ? *record.name : tld.name;
    auto& set = sets.try_emplace({owner, record.type},
                                 RRset{.owner = owner, .type = record.type, .ttl = record.ttl_s})
                    .first->second;
    set.ttl = std::min(set.ttl, record.ttl_s);
    set.rdatas.push_back(std::move(*rdata));
  }
  for (auto& [place, set] : sets) add_set(out, std::move(set));
  return out;
}

Bytes handle_value(const Value& value) {
  Bytes out;
  ByteWriter writer(out);
  writer.u32(value.index);
  writer.u32(value.timestamp);
  writer.u8(value.ttl_absolute ? 1 : 0);
  writer.u32(value.ttl_s);
  writer.u8(value.permissions);
  writer.block(as_bytes(value.type));
  writer.block(value.data);
  writer.u32(static_cast<std::uint32_t>(value.references.size()));
  for (const auto& reference : value.references) {
    writer.block(as_bytes(reference.identifier));
    writer.u32(reference.index);
  }
  return out;
}

Bytes record_digest(const Identifier& identifier) {
  const auto values = public_values(identifier);
  Bytes input;
  ByteWriter writer(input);
  writer.u32(static_cast<std::uint32_t>(values.size()));
  for (const auto& value : values) {
    writer.u32(value.index);
    writer.bytes(ByteView(handle_value(value)).subspan(8));
  }
  const auto digest = crypto::sha256(input);
  return {digest.begin(), digest.end()};
}

std::vector<RRset> records_for(const std::vector<Identifier>& at_one_name, Time now) {
  std::map<RRType, RRset> sets;
  std::uint32_t ttl = kTtlMax;
  const auto put = [&](const wire::Name& owner, RRType type, Bytes rdata) {
    sets.try_emplace(type, RRset{.owner = owner, .type = type})
        .first->second.rdatas.push_back(std::move(rdata));
  };
  for (const auto& identifier : at_one_name) {
    const auto values = public_values(identifier);
    std::size_t rank = 0;
    for (const auto& value : values) {
      ttl = std::min(ttl, ttl_of(value, now));
      if (value.type == "URL" && !value.data.empty()) {
        put(identifier.dns_name, RRType::URI, uri_rdata(rank++, value.data));
      } else if (value.type.starts_with("DNS.")) {
        const auto type = wire::parse_type(std::string_view(value.type).substr(4));
        if (!type) continue;
        auto rdata = wire::parse_rdata(*type, as_text(value.data), wire::Name());
        if (rdata) put(identifier.dns_name, *type, std::move(*rdata));
      }
    }
  }
  std::erase_if(sets, [](const auto& entry) { return octets_of(entry.second) > kSetMaxOctets; });
  for (const auto& identifier : at_one_name)
    put(identifier.dns_name, RRType::TXT,
        txt_rdata(pointer_text(identifier, public_values(identifier).size())));
  std::vector<RRset> out;
  for (auto& [type, set] : sets) {
    set.ttl = std::clamp(ttl, kTtlMin, kTtlMax);
    add_set(out, std::move(set));
  }
  return out;
}

}  // namespace onoma::publish
