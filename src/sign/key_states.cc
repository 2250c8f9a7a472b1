#include "sign/key_states.h"

#include <algorithm>

#include <fmt/format.h>

namespace onoma::sign {

namespace {

using namespace key_state;
using std::chrono::seconds;

bool lives(const KeyFacts& key) {
  return !is<Generated>(key.state) && !is<Removed>(key.state);
}
bool anchors(const KeyFacts& key) {  // stands in the chain of trust
  return key.role != Role::zsk;
}
bool in_use(const KeyFacts& key) {
  return is<Ready>(key.state) || is<Active>(key.state);
}

constexpr std::string_view kNotServed = "a version of the zone that shows this must be served first";

class Outlook {
 public:
  Outlook(std::span<const KeyFacts> keys, const KeyPolicy& policy, const KeyWaits& waits)
      : policy_(policy), waits_(waits), algorithm_(current_algorithm(keys)) {
    for (const auto& key : keys)
      if (lives(key)) keys_.push_back(key);
  }

  KeyOutlook run() {
    pre_active();
    for (const auto& key : keys_) {
      if (is<Published>(key.state) && !key.standby) published(key);
      if (is<Ready>(key.state))
        out_.waiting[key.tag] = fmt::format(
            "the parent must show its DS on every server; then say so: onoma key ds-seen ZONE {}", key.tag);
    }
    if (outgoing()) {
      leave_algorithm();
    } else {
      lifetimes();
      standbys();
    }
    for (const auto& key : keys_)
      if (is<Retired>(key.state)) retired(key);
    post_active();
    for (auto& step : out_.steps) {
      for (const auto& move : step.moves) step.about.push_back(move.tag);
      for (auto tag : step.promotes) step.about.push_back(tag);
    }
    std::ranges::stable_sort(out_.steps, {}, &KeyStep::at);
    return std::move(out_);
  }

 private:
  bool outgoing() const {
    return std::ranges::any_of(keys_, [&](const KeyFacts& key) { return key.algorithm != algorithm_; });
  }
  // The key whose DS the parent shows, of the algorithm that stays.
  const KeyFacts* trusted() const {
    const auto found = std::ranges::find_if(keys_, [&](const KeyFacts& key) {
      return anchors(key) && key.algorithm == algorithm_ && is<Active>(key.state);
    });
    return found == keys_.end() ? nullptr : &*found;
  }
  // When every one of a kind has settled; nullopt: not yet.
  template <class State>
  std::optional<Time> all_settled() const {
    std::optional<Time> last;
    for (const auto& key : keys_) {
      if (!is<State>(key.state)) continue;
      if (!key.settled) return std::nullopt;
      last = std::max(last.value_or(*key.settled), *key.settled);
    }
    return last;
  }
  template <class State>
  void wait(std::string_view for_what) {
    for (const auto& key : keys_)
      if (is<State>(key.state)) out_.waiting[key.tag] = for_what;
  }
  bool any(auto predicate) const { return std::ranges::any_of(keys_, predicate); }

  void pre_active() {
    if (!any([](const KeyFacts& key) { return is<PreActive>(key.state); })) return;
    const auto since = all_settled<PreActive>();
    if (!since) return wait<PreActive>("every record set must be signed with it first");
    KeyStep step{.at = *since + waits_.zone,
                 .makes = {},
                 .promotes = {},
                 .moves = {},
                 .about = {},
                 .what = "put the new keys into the DNSKEY set",
                 .why = "by then no cache holds a record set without a signature of the new algorithm"};
    for (const auto& key : keys_) {
      if (!is<PreActive>(key.state)) continue;
      step.moves.push_back({key.tag, key.role == Role::zsk ? KeyState(Active{}) : KeyState(Published{})});
    }
    out_.steps.push_back(std::move(step));
  }

  void published(const KeyFacts& key) {
    if (!key.settled) {
      out_.waiting[key.tag] = kNotServed;
      return;
    }
    KeyStep step{.at = *key.settled + waits_.publish,
                 .makes = {},
                 .promotes = {},
                 .moves = {},
                 .about = {},
                 .what = {},
                 .why = "by then every cache has the DNSKEY set with this key"};
    if (key.role == Role::zsk) {
      step.what = "sign with it instead of the old key";
      step.moves.push_back({key.tag, Active{}});
      for (const auto& old : keys_)
        if (old.role == Role::zsk && old.algorithm == key.algorithm && is<Active>(old.state))
          step.moves.push_back({old.tag, Retired{}});
    } else {
      step.what = "name it in CDS and CDNSKEY instead of the old key";
      step.moves.push_back({key.tag, Ready{}});
      for (const auto& old : keys_)
        if (anchors(old) && old.tag != key.tag && in_use(old)) step.moves.push_back({old.tag, Retired{}});
    }
    out_.steps.push_back(std::move(step));
  }

  void retired(const KeyFacts& key) {
    if (key.algorithm != algorithm_ && anchors(key)) return;  // leave_algorithm()
    std::optional<Time> at;
    std::string why;
    if (key.role != Role::ksk) {
      if (!key.settled) {
        out_.waiting[key.tag] = fmt::format("its signatures must be out of the zone first, about {}",
                                            iso8601(state_since(key.state) + waits_.resign));
        return;
      }
      at = *key.settled + waits_.zone;
      why = "by then no cache holds a signature of this key";
    }
    if (anchors(key)) {
      const auto* successor = trusted();
      if (successor == nullptr) {
        out_.waiting[key.tag] = "the parent must show the DS of the key that replaces it";
        return;
      }
      const auto forgotten = state_since(successor->state) + waits_.parent;
      if (!at || forgotten > *at) why = "by then no cache holds the DS of this key";
      at = std::max(at.value_or(forgotten), forgotten);
    }
    out_.steps.push_back({.at = *at,
                          .makes = {},
                          .promotes = {},
                          .moves = {{key.tag, Removed{}}},
                          .about = {},
                          .what = "take it out of the DNSKEY set",
                          .why = why});
  }

  // The last half of an algorithm roll: the parent trusts the new keys, the old ones go together.
  void leave_algorithm() {
    const auto* successor = trusted();
    KeyStep step{.at = {},
                 .makes = {},
                 .promotes = {},
                 .moves = {},
                 .about = {},
                 .what = "take the old algorithm's keys out of the DNSKEY set",
                 .why = "by then no cache holds a DS of the old algorithm"};
    for (const auto& key : keys_) {
      if (key.algorithm == algorithm_ || is<PostActive>(key.state)) continue;
      if (key.role == Role::zsk && is<Retired>(key.state)) continue;  // retired()
      if (successor == nullptr) {
        out_.waiting.try_emplace(key.tag, "the parent must show the DS of the new algorithm's key");
      } else if (key.standby) {
        step.moves.push_back({key.tag, Removed{}});
      } else {
        step.moves.push_back({key.tag, PostActive{}});
      }
    }
    if (successor == nullptr || step.moves.empty()) return;
    step.at = state_since(successor->state) + waits_.parent;
    out_.steps.push_back(std::move(step));
  }

  void post_active() {
    if (!any([](const KeyFacts& key) { return is<PostActive>(key.state); })) return;
    const auto since = all_settled<PostActive>();
    if (!since) return wait<PostActive>(kNotServed);
    KeyStep step{.at = *since + waits_.publish,
                 .makes = {},
                 .promotes = {},
                 .moves = {},
                 .about = {},
                 .what = "stop signing with it and take its signatures out",
                 .why = "by then no cache holds the DNSKEY set with this key"};
    for (const auto& key : keys_)
      if (is<PostActive>(key.state)) step.moves.push_back({key.tag, Removed{}});
    out_.steps.push_back(std::move(step));
  }

  void lifetimes() {
    if (policy_.manual) return;
    for (const auto& key : keys_) {
      const auto lifetime = anchors(key) ? policy_.ksk_lifetime : policy_.zsk_lifetime;
      if (lifetime == seconds{0} || !is<Active>(key.state)) continue;
      auto begun = begin_roll(keys_, key.role);
      if (!begun) continue;  // one is on its way
      const auto end = state_since(key.state) + lifetime;
      begun->at = begun->promotes.empty() ? end - waits_.publish : end;
      begun->why = fmt::format("its lifetime ends at {}", iso8601(end));
      begun->about.push_back(key.tag);
      out_.steps.push_back(std::move(*begun));
    }
  }

  void standbys() {
    const auto make = [&](bool wanted, auto belongs, Role role) {
      if (!wanted || any([&](const KeyFacts& key) { return key.standby && belongs(key); })) return;
      out_.steps.push_back({.at = {},
                            .makes = {{role, algorithm_, Published{}, true}},
                            .promotes = {},
                            .moves = {},
                            .about = {},
                            .what = "publish a stand-by key",
                            .why = "the policy asks for one"});
    };
    if (any([](const KeyFacts& key) { return is<PreActive>(key.state) || is<PostActive>(key.state); }))
      return;
    const bool csk = any([](const KeyFacts& key) { return key.role == Role::csk; });
    make(policy_.standby_ksk, anchors, csk ? Role::csk : Role::ksk);
    if (!csk) make(policy_.standby_zsk, [](const KeyFacts& key) { return !anchors(key); }, Role::zsk);
  }

  const KeyPolicy& policy_;
  const KeyWaits& waits_;
  std::uint8_t algorithm_;
  std::vector<KeyFacts> keys_;
  KeyOutlook out_;
};

}  // namespace

std::vector<KeyFacts> facts_of(const KeySet& keys) {
  std::vector<KeyFacts> out;
  for (const auto& key : keys.keys())
    out.push_back({key.tag(), key.record.algorithm, key.role, key.state, key.settled, key.standby});
  return out;
}

std::uint8_t current_algorithm(std::span<const KeyFacts> keys) {
  // On the way from one to another, it is the algorithm of the key that entered its state last among those
  // that come in; those of the other one go out, and are in use, retired or post-active.
  const KeyFacts* newest = nullptr;
  const auto rank = [](const KeyFacts& key) {
    if (is<PreActive>(key.state)) return 5;
    if (is<Published>(key.state)) return key.standby ? 0 : 4;
    if (is<Ready>(key.state)) return 3;
    if (is<Active>(key.state)) return 2;
    return is<Retired>(key.state) ? 1 : 0;
  };
  for (const auto& key : keys) {
    if (!lives(key) || key.role == Role::zsk) continue;
    if (newest == nullptr || rank(key) > rank(*newest)) newest = &key;
  }
  return newest == nullptr ? 0 : newest->algorithm;
}

KeyOutlook outlook(std::span<const KeyFacts> keys, const KeyPolicy& policy, const KeyWaits& waits) {
  return Outlook(keys, policy, waits).run();
}

Result<KeyStep> begin_roll(std::span<const KeyFacts> keys, Role role) {
  const auto algorithm = current_algorithm(keys);
  const bool is_csk =
      std::ranges::any_of(keys, [](const KeyFacts& key) { return lives(key) && key.role == Role::csk; });
  if (is_csk && role == Role::zsk)
    return fail(Code::bad_request, "the zone has one key for everything; roll it as its ksk", "role");
  if (is_csk) role = Role::csk;
  const KeyFacts* standby = nullptr;
  for (const auto& key : keys) {
    if (!lives(key)) continue;
    if (key.algorithm != algorithm || is<PreActive>(key.state) || is<PostActive>(key.state))
      return fail(Code::status_prohibits,
                  "the zone is on its way to another algorithm; wait until that has ended");
    if (key.role != role && !(role == Role::csk && key.role == Role::ksk)) continue;
    if (key.standby) {
      if (standby == nullptr || key.settled.value_or(Time::max()) < standby->settled.value_or(Time::max()))
        standby = &key;
    } else if (!in_use(key)) {
      return fail(Code::status_prohibits,
                  fmt::format("a roll-over is on its way: key {} is {}; wait until it has ended", key.tag,
                              state_name(key.state)));
    }
  }
  KeyStep step;
  if (standby != nullptr) {
    step.promotes.push_back(standby->tag);
    step.what = fmt::format("use the stand-by key {}", standby->tag);
  } else {
    step.makes.push_back({role, algorithm, Published{}, false});
    step.what = "publish the key that follows";
  }
  step.why = "an operator asked for it";
  return step;
}

Result<KeyStep> begin_algorithm_roll(std::span<const KeyFacts> keys, const KeyPolicy& policy,
                                     crypto::Algorithm algorithm) {
  const auto number = static_cast<std::uint8_t>(algorithm);
  for (const auto& key : keys) {
    if (!lives(key)) continue;
    if (key.algorithm == number)
      return fail(Code::bad_request,
                  fmt::format("the zone has keys of {} already", crypto::mnemonic(algorithm)), "algorithm");
    if (!key.standby && !in_use(key))
      return fail(Code::status_prohibits,
                  fmt::format("a roll-over is on its way: key {} is {}; wait until it has ended", key.tag,
                              state_name(key.state)));
  }
  KeyStep step;
  step.what = fmt::format("sign everything with {} too", crypto::mnemonic(algorithm));
  step.why = "an operator asked for it";
  if (policy.layout == KeyLayout::csk) {
    step.makes.push_back({Role::csk, number, PreActive{}, false});
  } else {
    step.makes.push_back({Role::ksk, number, PreActive{}, false});
    step.makes.push_back({Role::zsk, number, PreActive{}, false});
  }
  return step;
}

Result<KeyStep> ds_seen(std::span<const KeyFacts> keys, std::uint16_t tag) {
  const auto key =
      std::ranges::find_if(keys, [&](const KeyFacts& k) { return lives(k) && k.tag == tag && anchors(k); });
  if (key == keys.end())
    return fail(Code::not_found, fmt::format("the zone has no KSK or CSK with the tag {}", tag), "tag");
  if (!is<Ready>(key->state))
    return fail(Code::status_prohibits,
                is<Active>(key->state)
                    ? fmt::format("key {} is active: its DS is known to be there", tag)
                    : fmt::format("key {} is {}: its DS should not be at the parent yet, or not any more",
                                  tag, state_name(key->state)));
  KeyStep step;
  step.moves.push_back({tag, Active{}});
  step.what = "the DS is at the parent";
  step.why = "an operator says so";
  return step;
}

bool settles(const KeyFacts& key, const KeyWaits& waits, std::optional<Time> renewal) {
  const bool by_signatures = is<PreActive>(key.state) || (is<Retired>(key.state) && key.role != Role::ksk);
  if (!by_signatures) return true;
  // While sets lack the change, one of them is to be renewed within the time that this takes.
  return !renewal || *renewal > state_since(key.state) + waits.resign;
}

}  // namespace onoma::sign
