#include "app/zone_contents.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/encoding.h"
#include "front/rest/text.h"
#include "model/json.h"
#include "wire/rrtype.h"
#include "wire/zonefile.h"

namespace onoma::app {
namespace {

using front::quoted;
using wire::RRType;

bool is_signers(RRType type) {
  return wire::is_made_by_signer(type) || type == RRType::DNSKEY || type == RRType::CDS ||
         type == RRType::CDNSKEY || type == RRType::ZONEMD;
}

class Reader {
 public:
  explicit Reader(ZoneContents& out) : out_(out) {}

  Result<void> take(wire::Record&& record) {
    ++out_.records;
    note_denial(record);
    if (is_signers(record.type)) return leave_out("made by the signer");
    if (!record.owner.is_at_or_below(out_.zone)) return leave_out("outside the zone");
    if (record.owner == out_.zone) return take_apex(record);
    if (record.owner.view().is_wildcard()) return leave_out("a wildcard");
    switch (record.type) {
      case RRType::NS:
        return take_ns(record);
      case RRType::DS:
        return take_ds(record);
      case RRType::A:
      case RRType::AAAA:
        return take_address(record);
      case RRType::CNAME:
      case RRType::DNAME:
        return leave_out(fmt::format("{} below the apex", wire::type_text(record.type)));
      default:
        out_.apex.push_back(
            {record.type, record.ttl, wire::rdata_text(record.type, record.rdata), record.owner.lower()});
        return {};
    }
  }

  Result<void> finish(const std::string& file_name) {
    if (soas_ != 1)
      return fail(Code::bad_request,
                  fmt::format("{} is no zone file of {}: it has {} SOA records at the zone's name, not one",
                              file_name, model::name_text(out_.zone), soas_));
    const auto is_ns = [](const auto& record) { return record.type == RRType::NS; };
    if (std::ranges::none_of(out_.apex, is_ns))
      return fail(Code::bad_request,
                  fmt::format("{} is no zone file of {}: there are no NS records at the zone's name",
                              file_name, model::name_text(out_.zone)));
    drop_ds_without_ns();
    drop_hidden();
    for (std::size_t i = 0; i < out_.delegations.size(); ++i) {
      auto& one = out_.delegations[i];
      std::ranges::sort(one.name_servers);
      one.name_servers.erase(std::ranges::unique(one.name_servers).begin(), one.name_servers.end());
      std::ranges::sort(one.ds);
      one.ds.erase(std::ranges::unique(one.ds).begin(), one.ds.end());
      out_.max_labels = std::max(out_.max_labels, one.name.label_count() - out_.zone.label_count());
    }
    for (auto& host : out_.hosts) {
      std::ranges::sort(host.addresses);
      host.addresses.erase(std::ranges::unique(host.addresses).begin(), host.addresses.end());
    }
    in_canonical_order(out_.delegations, out_.delegation_at);
    in_canonical_order(out_.hosts, out_.host_at);
    return {};
  }

 private:
  // The store keeps objects in this order: sent in it, neighbours go into the same pages.
  template <class Found>
  static void in_canonical_order(std::vector<Found>& found, std::unordered_map<Name, std::size_t>& at) {
    std::vector<std::pair<std::string, std::size_t>> order;
    order.reserve(found.size());
    for (std::size_t i = 0; i < found.size(); ++i) order.emplace_back(wire::sort_key(found[i].name), i);
    std::ranges::sort(order);
    std::vector<Found> sorted;
    sorted.reserve(found.size());
    for (const auto& [key, from] : order) {
      at[found[from].name] = sorted.size();
      sorted.push_back(std::move(found[from]));
    }
    found = std::move(sorted);
  }

  Result<void> leave_out(std::string why) {
    ++out_.left_out[std::move(why)];
    return {};
  }

  void note_denial(const wire::Record& record) {
    if (record.type == RRType::NSEC) out_.denial = "nsec";
    if (record.type != RRType::NSEC3 || record.rdata.size() < 2) return;
    const bool opt_out = (record.rdata[1] & 1) != 0;
    if (opt_out || out_.denial.empty()) out_.denial = opt_out ? "nsec3_opt_out" : "nsec3";
  }

  Result<void> take_apex(const wire::Record& record) {
    if (record.type == RRType::SOA) {
      ++soas_;
      auto soa = wire::Soa::read(record.rdata);
      if (!soa) return fail(Code::bad_syntax, "the SOA record cannot be read");
      out_.soa = *std::move(soa);
      out_.soa_ttl_s = record.ttl;
      return {};
    }
    out_.apex.push_back({record.type, record.ttl, wire::rdata_text(record.type, record.rdata)});
    return {};
  }

  FoundDelegation& delegation(const Name& owner) {
    const auto [at, added] = out_.delegation_at.try_emplace(owner.lower(), out_.delegations.size());
    if (added) out_.delegations.push_back({.name = at->first, .name_servers = {}, .ds = {}});
    return out_.delegations[at->second];
  }

  Result<void> take_ns(const wire::Record& record) {
    auto& one = delegation(record.owner);
    one.ns_ttl_s = one.name_servers.empty() ? record.ttl : std::min(one.ns_ttl_s, record.ttl);
    one.name_servers.push_back(Name(wire::target_name(RRType::NS, record.rdata)).lower());
    return {};
  }

  Result<void> take_ds(const wire::Record& record) {
    if (record.rdata.size() < 5) return leave_out("DS data that cannot be read");
    auto& one = delegation(record.owner);
    one.ds_ttl_s = one.ds.empty() ? record.ttl : std::min(one.ds_ttl_s, record.ttl);
    one.ds.push_back({load_u16(record.rdata.data()), record.rdata[2], record.rdata[3],
                      Bytes(record.rdata.begin() + 4, record.rdata.end())});
    return {};
  }

  Result<void> take_address(const wire::Record& record) {
    const auto [at, added] = out_.host_at.try_emplace(record.owner.lower(), out_.hosts.size());
    if (added) out_.hosts.push_back({.name = at->first, .addresses = {}});
    auto& host = out_.hosts[at->second];
    auto& ttl = record.type == RRType::A ? host.a_ttl_s : host.aaaa_ttl_s;
    ttl = ttl == 0 ? record.ttl : std::min(ttl, record.ttl);
    host.addresses.push_back(wire::rdata_text(record.type, record.rdata));
    return {};
  }

  void drop_ds_without_ns() {
    const auto count =
        std::erase_if(out_.delegations, [](const auto& one) { return one.name_servers.empty(); });
    if (count == 0) return;
    out_.left_out["DS without NS"] += count;
    out_.delegation_at.clear();
    for (std::size_t i = 0; i < out_.delegations.size(); ++i)
      out_.delegation_at.emplace(out_.delegations[i].name, i);
  }

  // Records of the zone's own at or below a delegation, which hides them.
  void drop_hidden() {
    const auto hidden = [&](const model::ApexRecord& record) {
      if (!record.name) return false;
      for (Name at = *record.name; at.label_count() > out_.zone.label_count(); at = at.parent())
        if (out_.delegation_at.contains(at)) return true;
      return false;
    };
    if (const auto count = std::erase_if(out_.apex, hidden); count > 0)
      out_.left_out["hidden by a delegation"] += count;
  }

  ZoneContents& out_;
  std::size_t soas_ = 0;
};

std::string name_json(const Name& name) {
  return quoted(model::name_text(name));
}

}  // namespace

Result<ZoneContents> read_contents(std::string_view text, const Name& zone, const std::string& file_name) {
  ZoneContents out;
  out.zone = zone.lower();
  Reader reader(out);
  const wire::ZoneFileOptions options{.origin = out.zone, .file_name = file_name};
  ONOMA_TRY_VOID(wire::parse_zone_text(
      text, options, [&](wire::Record&& record) { return reader.take(std::move(record)); }));
  ONOMA_TRY_VOID(reader.finish(file_name));
  return out;
}

std::string tld_json(const ZoneContents& contents, const std::string& denial, bool create) {
  std::vector<std::string> apex;
  apex.reserve(contents.apex.size());
  for (const auto& record : contents.apex)
    apex.push_back(fmt::format(R"({{"type":"{}","ttl_s":{},"data":{}{}}})", wire::type_text(record.type),
                               record.ttl_s, quoted(record.data),
                               record.name ? R"(,"name":)" + name_json(*record.name) : ""));
  const auto& soa = contents.soa;
  auto out = fmt::format(
      R"({{"mname":{},"rname":{},"refresh_s":{},"retry_s":{},"expire_s":{},"minimum_s":{},"soa_ttl_s":{},"apex":[{}])",
      name_json(soa.mname), name_json(soa.rname), soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s,
      contents.soa_ttl_s, fmt::join(apex, ","));
  if (create) {
    out += fmt::format(R"(,"name":{},"serial":"unixtime","first_serial":{},"max_domain_labels":{})",
                       name_json(contents.zone), soa.serial, contents.max_labels);
    if (!denial.empty()) out += fmt::format(R"(,"denial":"{}")", denial);
  }
  return out + "}";
}

std::string delegation_json(const FoundDelegation& delegation) {
  std::vector<std::string> servers, ds;
  for (const auto& name : delegation.name_servers) servers.push_back(name_json(name));
  for (const auto& one : delegation.ds)
    ds.push_back(fmt::format(R"({{"key_tag":{},"algorithm":{},"digest_type":{},"digest":"{}"}})", one.key_tag,
                             one.algorithm, one.digest_type, hex(one.digest)));
  return fmt::format(R"({{"name":{},"name_servers":[{}],"ns_ttl_s":{},"ds":[{}],"ds_ttl_s":{}}})",
                     name_json(delegation.name), fmt::join(servers, ","), delegation.ns_ttl_s,
                     fmt::join(ds, ","), delegation.ds_ttl_s);
}

std::string host_json(const FoundHost& host) {
  std::vector<std::string> addresses;
  addresses.reserve(host.addresses.size());
  for (const auto& address : host.addresses) addresses.push_back(quoted(address));
  return fmt::format(R"({{"name":{},"addresses":[{}],"a_ttl_s":{},"aaaa_ttl_s":{}}})", name_json(host.name),
                     fmt::join(addresses, ","), host.a_ttl_s, host.aaaa_ttl_s);
}

std::string removal_json(const Name& name) {
  return fmt::format(R"({{"name":{},"remove":true}})", name_json(name));
}

}  // namespace onoma::app
