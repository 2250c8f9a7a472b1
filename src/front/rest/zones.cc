// Routes of zones as they are served: status, export, import, keys.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/encoding.h"
#include "front/rest/door.h"
#include "front/rest/zone_stream.h"
#include "model/json.h"
#include "sign/keys.h"
#include "wire/dnssec.h"
#include "wire/rdata.h"

namespace onoma::front {
namespace {

using publish::ZoneStatus;
using wire::RRType;

std::string_view state_word(publish::Sequencer::State state) {
  switch (state) {
    case publish::Sequencer::State::starting:
      return "starting";
    case publish::Sequencer::State::idle:
      return "idle";
    case publish::Sequencer::State::held:
      return "held";
    case publish::Sequencer::State::failing:
      return "failing";
  }
  return "failing";
}

std::string_view denial_word(zone::Denial denial) {
  switch (denial) {
    case zone::Denial::none:
      return "none";
    case zone::Denial::nsec:
      return "nsec";
    case zone::Denial::nsec3:
      return "nsec3";
  }
  return "none";
}

std::string zone_json(const ZoneStatus& zone) {
  auto out = fmt::format(R"({{"zone":{},"state":"{}","last_event":{})", quoted(model::name_text(zone.zone)),
                         state_word(zone.state), zone.last_event);
  if (!zone.reason.empty()) out += fmt::format(R"(,"reason":{})", quoted(zone.reason));
  if (zone.current) {
    const auto& facts = zone.current->facts();
    out += fmt::format(
        R"(,"serial":{},"denial":"{}","names":{},"records":{},"delegations":{},"ds_sets":{},"glue_records":{},"signatures":{},"earliest_expiry":{})",
        facts.serial, denial_word(facts.denial), facts.names, facts.records, facts.delegations, facts.ds_sets,
        facts.glue_records, facts.signatures, facts.earliest_expiry);
  }
  return out + "}";
}

Result<ZoneStatus> zone_of(const Door& door, std::string_view text) {
  ONOMA_TRY(const auto name, name_of(text));
  for (auto& zone : door.services.zones())
    if (zone.zone == name) return std::move(zone);
  return fail(Code::not_found, fmt::format("\"{}\" is no zone of this registry", text));
}

Result<ZoneStatus> served_zone_of(const Door& door, std::string_view text) {
  ONOMA_TRY(auto zone, zone_of(door, text));
  if (!zone.current)
    return fail(Code::unavailable, fmt::format("no version of \"{}\" is served yet: {}", text, zone.reason));
  return zone;
}

void list_zones(Door& door, Call call) {
  std::vector<std::string> items;
  for (const auto& zone : door.services.zones()) items.push_back(zone_json(zone));
  call.json(200, fmt::format(R"({{"items":[{}]}})", fmt::join(items, ",")));
}

void get_zone(Door& door, Call call) {
  auto zone = zone_of(door, call.path["zone"]);
  if (!zone) return call.fail(zone.error());
  call.json(200, zone_json(*zone));
}

void export_zone(Door& door, Call call) {
  auto zone = served_zone_of(door, call.path["zone"]);
  if (!zone) return call.fail(zone.error());
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "text/dns");  // RFC 4027
  response.headers.emplace_back("Onoma-Serial", std::to_string(zone->current->facts().serial));
  response.source = zone_source(std::move(zone->current));
  call.respond(std::move(response));
}

void import_batch(Door& door, Call call) {
  auto name = name_of(call.path["zone"]);
  if (!name) return call.fail(name.error());
  door.write(std::move(call), "import", name->text());
}

std::string ds_json(ByteView rdata) {
  // Valid by construction: 2 octets tag, algorithm, digest type, digest (RFC 4034 §5.1).
  return fmt::format(R"({{"key_tag":{},"algorithm":{},"digest_type":{},"digest":"{}","text":{}}})",
                     load_u16(rdata.data()), rdata[2], rdata[3], hex(rdata.subspan(4)),
                     quoted(wire::rdata_text(RRType::DS, rdata)));
}

// What the parent should have: the zone's own CDS set says it (RFC 7344); without one, the keys with the SEP
// flag.
void get_keys(Door& door, Call call) {
  auto zone = served_zone_of(door, call.path["zone"]);
  if (!zone) return call.fail(zone.error());
  const auto apex = zone->current->apex();
  const auto cds = apex.find(RRType::CDS), dnskeys = apex.find(RRType::DNSKEY);
  std::vector<std::string> ds, keys;
  if (cds)
    for (const auto rdata : cds->rdatas())
      if (rdata.size() > 4 && rdata[2] != 0) ds.push_back(ds_json(rdata));
  if (dnskeys)
    for (const auto rdata : dnskeys->rdatas()) {
      const auto key = wire::Dnskey::read(rdata);
      if (!key) continue;
      keys.push_back(fmt::format(R"({{"key_tag":{},"algorithm":{},"flags":{}}})", wire::key_tag(rdata),
                                 key->algorithm, key->flags));
      if (!cds && (key->flags & 1) != 0) ds.push_back(ds_json(sign::ds_rdata(apex.owner(), *key)));
    }
  call.json(200, fmt::format(R"({{"zone":{},"signed":{},"ds":[{}],"keys":[{}]}})",
                             quoted(model::name_text(zone->zone)), dnskeys.has_value(), fmt::join(ds, ","),
                             fmt::join(keys, ",")));
}

}  // namespace

void add_zone_routes(Door& door) {
  auto& router = door.router;
  router.add({"GET",
              "/v1/zones",
              "Zones as they are served",
              Access::anybody,
              [&door](Call call) { list_zones(door, std::move(call)); },
              {},
              "",
              "ZoneList"});
  router.add({"GET",
              "/v1/zones/{zone}",
              "One zone as it is served",
              Access::anybody,
              [&door](Call call) { get_zone(door, std::move(call)); },
              {},
              "",
              "Zone"});
  router.add({"GET",
              "/v1/zones/{zone}/export",
              "The version that is served, as a master file",
              Access::operator_,
              [&door](Call call) { export_zone(door, std::move(call)); },
              {},
              "",
              "",
              "text/dns"});
  router.add({"POST",
              "/v1/zones/{zone}/import",
              "Take over up to 1,000 delegations and hosts of a zone as found",
              Access::operator_,
              [&door](Call call) { import_batch(door, std::move(call)); },
              {kWait},
              "Import",
              "Outcome"});
  router.add({"GET",
              "/v1/zones/{zone}/keys-ds",
              "The zone's keys, and the DS records for its parent",
              Access::anybody,
              [&door](Call call) { get_keys(door, std::move(call)); },
              {},
              "",
              "Keys"});
}

}  // namespace onoma::front
