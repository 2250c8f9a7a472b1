#include "sign/key_manager.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "sign/key_store.h"
#include "sign/signer.h"

namespace onoma::sign {

namespace {

std::string doing_text(const KeyUse& use, const KeyStatus& key) {
  if (key.standby) return "stands by in the DNSKEY set";
  std::string out;
  const auto add = [&out](bool is, std::string_view text) {
    if (!is) return;
    if (!out.empty()) out += ", ";
    out += text;
  };
  add(use.published, "in the DNSKEY set");
  add(use.signs_keys, "signs the keys");
  add(use.signs_zone, "signs the zone");
  add(use.wants_ds, "its DS belongs at the parent");
  if (out.empty()) out = "in no record";
  return out;
}

std::string text_of(const KeyStep& step, const std::vector<std::uint16_t>& made) {
  std::string out = step.what;
  for (const auto& move : step.moves) out += fmt::format("; key {} is {}", move.tag, state_name(move.to));
  for (const auto tag : made) out += fmt::format("; new key {}", tag);
  return out;
}

// Waits count from the times that are noted: none may be noted with a clock that lies behind the last one.
Result<void> check_clock(const KeySet& keys, Time now) {
  Time newest{};
  for (const auto& key : keys.keys())
    newest = std::max({newest, state_since(key.state), key.settled.value_or(Time{})});
  for (const auto& key : keys.former()) newest = std::max(newest, key.removed);
  if (now + kClockSkew >= newest) return {};
  return fail(
      Code::unavailable,
      fmt::format("the clock shows {}, and the keys of {} changed on {}: no key is changed before the "
                  "clock is right; set it (NTP)",
                  iso8601(now), keys.zone().text(), iso8601(newest)));
}

}  // namespace

KeyManager::KeyManager(KeyManagerOptions options, KeySet keys, const Clock& clock, os::FileSystem& files)
    : options_(std::move(options)), clock_(clock), files_(files), state_(State{.keys = std::move(keys)}) {}

Result<std::shared_ptr<KeyManager>> KeyManager::open(KeyManagerOptions options, const Clock& clock, Rng& rng,
                                                     os::FileSystem& files) {
  ONOMA_TRY_VOID(check(options.keys, options.signing));
  ONOMA_TRY(auto keys, load_or_generate_keys(options.directory, options.zone, options.keys.layout,
                                             options.keys.algorithm, clock.now(), rng, files));
  if (!options.make)
    options.make = [](Role role, std::uint8_t algorithm, KeyState state) -> Result<Key> {
      const auto known = crypto::algorithm_from(algorithm);
      if (!known)
        return fail(Code::unsupported, fmt::format("no keys are made for DNSSEC algorithm {}", algorithm));
      return generate_key(role, *known, state);
    };
  return std::shared_ptr<KeyManager>(new KeyManager(std::move(options), std::move(keys), clock, files));
}

std::uint64_t KeyManager::generation() const {
  return state_.with([](const State& state) { return state.generation; });
}

KeySet KeyManager::keys() const {
  return state_.with([](const State& state) { return state.keys; });
}

KeyWaits KeyManager::waits(const State& state) const {
  return waits_of(options_.keys, options_.signing, state.max_ttl_s);
}

// Works on a copy, which takes the state's place when it is on disk.
Result<void> KeyManager::carry_out(State& state, const KeyStep& step, Time now) const {
  constexpr int kTries = 100;
  auto keys = state.keys;
  std::vector<std::uint16_t> made;
  for (const auto tag : step.promotes) keys.at(tag).standby = false;
  for (const auto& move : step.moves) {
    if (is<key_state::Removed>(move.to)) {
      keys.remove(move.tag, now);
      continue;
    }
    auto& key = keys.at(move.tag);
    key.state = entered(move.to, now);
    key.settled.reset();
  }
  for (const auto& make : step.makes) {
    Result<void> added;
    for (int i = 0; i < kTries; ++i) {
      ONOMA_TRY(auto key, options_.make(make.role, make.algorithm, entered(make.state, now)));
      key.standby = make.standby;
      const auto tag = key.tag();
      added = keys.add(std::move(key));
      if (added) made.push_back(tag);
      if (added || added.error().code != Code::exists) break;
    }
    ONOMA_TRY_VOID(std::move(added));
  }
  ONOMA_TRY_VOID(keys.check());
  ONOMA_TRY_VOID(store_keys(options_.directory, keys, files_, made));
  state.keys = std::move(keys);
  ++state.generation;
  log::info("sign", fmt::format("zone {}: {} ({})", options_.zone.text(), text_of(step, made), step.why));
  return {};
}

Result<bool> KeyManager::advance(const Served& served) {
  return state_.with([&](State& state) -> Result<bool> {
    const auto now = clock_.now();
    ONOMA_TRY_VOID(check_clock(state.keys, now));
    state.max_ttl_s = std::max(state.max_ttl_s, served.max_ttl_s);
    bool settled = false;
    if (served.apex_agrees && served.generation == state.generation) {
      auto keys = state.keys;
      const auto times = waits(state);
      for (const auto& key : facts_of(keys)) {
        if (key.settled || !settles(key, times, served.renewal)) continue;
        keys.at(key.tag).settled = now;
        settled = true;
      }
      if (settled) {
        ONOMA_TRY_VOID(store_keys(options_.directory, keys, files_, std::span<const std::uint16_t>{}));
        state.keys = std::move(keys);
      }
    }
    const auto plan = outlook(facts_of(state.keys), options_.keys, waits(state));
    if (plan.steps.empty() || plan.steps.front().at > now) return false;
    ONOMA_TRY_VOID(carry_out(state, plan.steps.front(), now));
    return true;
  });
}

std::optional<Time> KeyManager::next_step() const {
  return state_.with([&](const State& state) -> std::optional<Time> {
    const auto plan = outlook(facts_of(state.keys), options_.keys, waits(state));
    if (plan.steps.empty()) return std::nullopt;
    return plan.steps.front().at;
  });
}

template <class Begin>
Result<void> KeyManager::wish(const Begin& begin) {
  return state_.with([&](State& state) -> Result<void> {
    const auto now = clock_.now();
    ONOMA_TRY_VOID(check_clock(state.keys, now));
    ONOMA_TRY(const auto step, begin(facts_of(state.keys)));
    return carry_out(state, step, now);
  });
}

Result<void> KeyManager::roll(Role role) {
  return wish([&](const auto& keys) { return begin_roll(keys, role); });
}

Result<void> KeyManager::roll_algorithm(crypto::Algorithm algorithm) {
  return wish([&](const auto& keys) { return begin_algorithm_roll(keys, options_.keys, algorithm); });
}

Result<void> KeyManager::ds_seen(std::uint16_t tag) {
  return wish([&](const auto& keys) { return sign::ds_seen(keys, tag); });
}

KeyReport KeyManager::report() const {
  return state_.with([&](const State& state) {
    return report_of(state.keys, outlook(facts_of(state.keys), options_.keys, waits(state)));
  });
}

KeyReport report_of(const KeySet& keys, KeyOutlook plan) {
  KeyReport out{.zone = keys.zone(),
                .algorithm = current_algorithm(facts_of(keys)),
                .keys = {},
                .steps = {},
                .set = keys};
  for (const auto& key : keys.keys()) {
    KeyStatus status;
    status.tag = key.tag();
    status.algorithm = key.record.algorithm;
    status.role = key.role;
    status.state = state_name(key.state);
    status.since = state_since(key.state);
    status.settled = key.settled;
    status.standby = key.standby;
    status.use = keys.use(key);
    status.doing = doing_text(status.use, status);
    const auto step = std::ranges::find_if(plan.steps, [&](const KeyStep& s) {
      return std::ranges::find(s.about, status.tag) != s.about.end();
    });
    if (step != plan.steps.end()) {
      status.next = step->what;
      status.next_at = step->at;
      status.why = step->why;
    } else if (const auto waiting = plan.waiting.find(status.tag); waiting != plan.waiting.end()) {
      status.next = "wait";
      status.why = waiting->second;
    }
    out.keys.push_back(std::move(status));
  }
  for (const auto& key : keys.former()) {
    KeyStatus status;
    status.tag = key.tag;
    status.algorithm = key.algorithm;
    status.role = key.role;
    status.state = "removed";
    status.since = key.removed;
    status.doing = "in no record";
    out.keys.push_back(std::move(status));
  }
  out.steps = std::move(plan.steps);
  return out;
}

}  // namespace onoma::sign
