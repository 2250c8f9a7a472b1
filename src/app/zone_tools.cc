#include "app/zone_tools.h"

#include <charconv>
#include <cstdio>
#include <iostream>
#include <iterator>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "ident/idn.h"
#include "os/durable_file.h"
#include "os/job_pool.h"
#include "publish/zone_file.h"
#include "zone/image_file.h"
#include "zone/load.h"

namespace onoma::app {

namespace {
constexpr std::uint64_t kFileMaxOctets = std::uint64_t{64} << 30;
}

Result<wire::Name> zone_name(const std::string& text) {
  if (text == ".") return wire::Name();
  ONOMA_TRY(auto name, ident::idn_lookup(text));
  return name.ascii;
}

Result<LoadedZone> load_zone(const std::string& file, const wire::Name& zone, bool allow_include) {
  LargeBytes octets;
  if (file == "-") {
    octets.assign(std::istreambuf_iterator<char>(std::cin), {});
    if (zone::looks_like_image(octets))
      return fail(Code::bad_request, "a compiled image is read from a file, not from standard input");
  } else if (publish::is_image(file)) {
    ONOMA_TRY(const auto image, publish::ImageMap::open(file));
    ONOMA_TRY_VOID(image->verify());
    ONOMA_TRY(auto snapshot, image->zone(zone));
    return LoadedZone{std::move(snapshot), {}};
  } else {
    auto read = os::read_large_file(file, kFileMaxOctets);
    // "Not found" is an answer (exit status 1); here it is bad input.
    if (!read && read.error().code == Code::not_found) return fail(Code::bad_request, read.error().message);
    ONOMA_TRY(octets, std::move(read));
  }
  LoadedZone out;
  const wire::ZoneFileOptions options{.origin = zone, .file_name = file, .allow_include = allow_include};
  ONOMA_TRY(out.snapshot, zone::load_zone_text(as_text(octets), options, out.warnings, os::on_threads()));
  return out;
}

boost::json::object facts_json(const zone::Snapshot& snapshot, bool with_digest) {
  const auto& facts = snapshot.facts();
  const auto denial = facts.denial == zone::Denial::nsec3  ? "NSEC3"
                      : facts.denial == zone::Denial::nsec ? "NSEC"
                                                           : "none";
  boost::json::object out{
      {"zone", facts.apex.text()},          {"serial", facts.serial},           {"names", facts.names},
      {"records", facts.records},           {"delegations", facts.delegations}, {"ds_sets", facts.ds_sets},
      {"glue_records", facts.glue_records}, {"signatures", facts.signatures},   {"denial", denial}};
  if (with_digest) out["content_digest"] = snapshot.content_digest().text();
  if (facts.earliest_expiry != 0) out["earliest_expiry"] = iso8601(from_unix_seconds(facts.earliest_expiry));
  return out;
}

Result<Time> parse_time(const std::string& text) {
  if (text.empty()) return SystemClock().now();
  if (const auto time = from_iso8601(text)) return *time;
  if (const auto time = from_dnssec_time(text)) return *time;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc{} && end == text.data() + text.size()) return from_unix_seconds(seconds);
  return fail(
      Code::bad_syntax,
      fmt::format("'{}' is no time; write 20261231235959, 2026-12-31T23:59:59Z or seconds since 1970", text));
}

Result<zone::GateLevel> parse_level(const std::string& text) {
  if (text == "structure") return zone::GateLevel::structure;
  if (text == "dnssec") return zone::GateLevel::dnssec;
  return fail(Code::bad_syntax, fmt::format("'{}' is no level here; write structure or dnssec", text));
}

}  // namespace onoma::app
