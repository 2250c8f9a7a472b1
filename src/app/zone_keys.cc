#include "app/zone_keys.h"

#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/zone_tools.h"
#include "base/encoding.h"
#include "sign/signer.h"
#include "wire/rdata.h"
#include "wire/zonefile.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr std::uint32_t kDsTtl = 3600;  // s, of the DS lines that are shown
constexpr std::array kDigests = {sign::DsDigest::sha256, sign::DsDigest::sha384, sign::DsDigest::sm3};

json::array tags(const sign::KeyStep& step) {
  json::array out;
  for (const auto tag : step.about) out.push_back(tag);
  return out;
}

json::object key_json(const sign::KeyStatus& key) {
  json::object out{{"tag", key.tag},
                   {"role", std::string(sign::role_name(key.role))},
                   {"algorithm", key.algorithm},
                   {"mnemonic", sign::algorithm_text(key.algorithm)},
                   {"state", key.state},
                   {"since", iso8601(key.since)},
                   {"standby", key.standby},
                   {"doing", key.doing},
                   {"published", key.use.published},
                   {"signs_keys", key.use.signs_keys},
                   {"signs_zone", key.use.signs_zone},
                   {"wants_ds", key.use.wants_ds}};
  if (key.settled) out["served_since"] = iso8601(*key.settled);
  if (!key.next.empty()) out["next"] = key.next;
  if (key.next_at) out["next_at"] = iso8601(*key.next_at);
  if (!key.why.empty()) out["why"] = key.why;
  return out;
}

Result<json::object> object_of(std::string_view text) {
  boost::system::error_code error;
  auto document = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !document.is_object()) return fail(Code::bad_syntax, "not a JSON object");
  return std::move(document.as_object());
}

std::string text_member(const json::object& request, const char* member) {
  const auto* value = request.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

Result<wire::Name> zone_member(const json::object& request) {
  const auto text = text_member(request, "zone");
  if (text.empty()) return fail(Code::missing_field, "the request needs the text \"zone\"", "zone");
  return zone_name(text);
}

Result<void> roll(sign::KeyManager& manager, const json::object& request) {
  if (const auto algorithm = text_member(request, "algorithm"); !algorithm.empty()) {
    ONOMA_TRY(const auto known, sign::parse_algorithm(algorithm));
    return manager.roll_algorithm(known);
  }
  const auto role = sign::parse_role(text_member(request, "role"));
  if (!role) return fail(Code::missing_field, "the request needs \"role\": ksk, zsk or csk", "role");
  return manager.roll(*role);
}

Result<void> ds_seen(sign::KeyManager& manager, const json::object& request) {
  const auto* tag = request.if_contains("tag");
  boost::system::error_code error;
  const auto number = tag != nullptr ? tag->to_number<std::uint16_t>(error) : std::uint16_t{0};
  if (tag == nullptr || error)
    return fail(Code::missing_field, "the request needs the number \"tag\"", "tag");
  return manager.ds_seen(number);
}

}  // namespace

Result<KeyPlan> key_plan(const KeySettings& settings) {
  KeyPlan plan;
  plan.keys.manual = settings.key_manual;
  const std::pair<std::string_view, const std::string&> words[] = {
      {"layout", settings.key_layout},
      {"algorithm", settings.key_algorithm},
      {"ksk-lifetime", settings.ksk_lifetime},
      {"zsk-lifetime", settings.zsk_lifetime},
      {"dnskey-ttl", settings.key_dnskey_ttl},
      {"propagation", settings.key_propagation},
      {"safety", settings.key_safety},
      {"max-ttl", settings.key_max_ttl},
      {"parent-propagation", settings.key_parent_propagation},
      {"parent-ds-ttl", settings.key_parent_ds_ttl},
      {"standby", settings.key_standby},
      {"re-sign", settings.key_re_sign},
      {"cds", settings.key_cds},
      {"ds-digests", settings.key_ds_digests}};
  for (const auto& [word, value] : words)
    if (auto set = sign::set_word(plan.keys, plan.signing, word, value); !set)
      return fail_in(fmt::format("settings [keys], {}", word), std::move(set).error());
  ONOMA_TRY_VOID(sign::check(plan.keys, plan.signing));
  ONOMA_TRY_VOID(sign::check(plan.signing, wire::Name()));
  return plan;
}

ZoneKeys::ZoneKeys(std::string directory, KeyPlan plan, const Clock& clock, Rng& rng)
    : directory_(std::move(directory)), plan_(std::move(plan)), clock_(clock), rng_(rng) {}

Result<std::shared_ptr<sign::KeyManager>> ZoneKeys::of(const wire::Name& zone) {
  return managers_.with([&](auto& managers) -> Result<std::shared_ptr<sign::KeyManager>> {
    auto& manager = managers[zone];
    if (manager) return manager;
    // Keys carry the time of their making, and signatures follow at once.
    ONOMA_TRY_VOID(sign::check_clock(clock_.now(), nullptr, sign::build_date()));
    ONOMA_TRY(
        manager,
        sign::KeyManager::open(
            {.directory = directory_, .zone = zone, .keys = plan_.keys, .signing = plan_.signing, .make = {}},
            clock_, rng_));
    return manager;
  });
}

Result<std::shared_ptr<sign::KeyManager>> ZoneKeys::known(const wire::Name& zone) const {
  auto manager = managers_.with([&](const auto& managers) -> std::shared_ptr<sign::KeyManager> {
    const auto found = managers.find(zone);
    return found == managers.end() ? nullptr : found->second;
  });
  if (!manager) return fail(Code::not_found, fmt::format("zone {} is not signed here", zone.text()), "zone");
  return manager;
}

ControlCommands ZoneKeys::commands(std::function<void()> changed) {
  using Change = Result<void> (*)(sign::KeyManager&, const json::object&);
  const auto command = [this, changed = std::move(changed)](Change change) -> ControlCommand {
    return [this, changed, change](std::string_view text, const os::ControlProgress&) -> Result<std::string> {
      ONOMA_TRY(const auto request, object_of(text));
      ONOMA_TRY(const auto zone, zone_member(request));
      ONOMA_TRY(const auto manager, known(zone));
      if (change != nullptr) {
        ONOMA_TRY_VOID(change(*manager, request));
        changed();
      }
      return keys_json(manager->report());
    };
  };
  return {{"keys", command(nullptr)}, {"key_roll", command(roll)}, {"key_ds_seen", command(ds_seen)}};
}

std::string keys_json(const sign::KeyReport& report) {
  json::array keys, steps, ds;
  for (const auto& key : report.keys) keys.push_back(key_json(key));
  for (const auto& step : report.steps)
    steps.push_back(
        json::object{{"at", iso8601(step.at)}, {"what", step.what}, {"why", step.why}, {"keys", tags(step)}});
  for (const auto& rdata : report.set.ds_set(kDsTtl, kDigests).rdatas)
    ds.push_back(json::object{{"tag", load_u16(rdata.data())},
                              {"algorithm", rdata[2]},
                              {"digest_type", rdata[3]},
                              {"digest", hex(ByteView(rdata).subspan(4))},
                              {"text", wire::rdata_text(wire::RRType::DS, rdata)}});
  return json::serialize(json::object{{"zone", report.zone.text()},
                                      {"algorithm", report.algorithm},
                                      {"mnemonic", sign::algorithm_text(report.algorithm)},
                                      {"keys", std::move(keys)},
                                      {"steps", std::move(steps)},
                                      {"ds", std::move(ds)}});
}

}  // namespace onoma::app
