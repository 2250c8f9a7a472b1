// After every step of a random history, the zone that was signed step by step equals the zone that is signed
// as a whole.
// With ONOMA_DUMP set to a directory, every version of the histories with real keys is written there as a
// zone file, made now, for independent verifiers (tests/interop/sign_histories.sh).
//
// The history is made from a seed, which a failure prints; ONOMA_SEED and ONOMA_STEPS override the defaults.
// Names are drawn from few labels, so that cuts fall on existing names, glue is shared, and empty
// non-terminals come and go.
#include <cstdlib>
#include <fstream>
#include <random>

#include "support/environment.h"
#include "unit/sign/support.h"
#include "wire/rdata.h"
#include "zone/load.h"

namespace onoma::sign::testing {
namespace {

using Rng = std::mt19937_64;

std::uint64_t environment(const char* variable, std::uint64_t otherwise) {
  const auto text = onoma::test::environment(variable);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : otherwise;
}

std::size_t below(Rng& rng, std::size_t bound) {
  return static_cast<std::size_t>(rng() % bound);
}
template <class T>
const T& pick(Rng& rng, const std::vector<T>& from) {
  return from[below(rng, from.size())];
}

Bytes rdata(RRType type, std::string_view text, const Name& apex) {
  auto made = wire::parse_rdata(type, text, apex);
  EXPECT_TRUE(made) << text;
  return made ? *made : Bytes{};
}

// Content as the world writes it: no signer's types, at most one set per name and type.
class World {
 public:
  World(Rng& rng, Name apex) : rng_(rng), apex_(std::move(apex)) {
    put(apex_, RRType::SOA, {"ns1 hostmaster 1 7200 900 604800 300"}, 3600);
    put(apex_, RRType::NS, {"ns1", "ns2.other.example."}, 3600);
    put("ns1", RRType::A, {"192.0.2.1"});
    put("b", RRType::NS, {"ns.b", "ns.shared"});
    put("ns.b", RRType::A, {"192.0.2.2"});
    put("ns.shared", RRType::A, {"192.0.2.3"});
    put("a.ent.b.c", RRType::TXT, {"deep"});
    put("*.c", RRType::TXT, {"wild"});
  }

  // One to five edits; edits may undo each other.
  void change() {
    for (auto edits = 1 + below(rng_, 5); edits > 0; --edits) edit();
  }

  // Takes out what other implementations refuse to load: NS at wildcards or beside DNAME, names below a
  // DNAME, DS without NS, name servers without addresses.
  void tidy() {
    put("ns1", RRType::A, {"192.0.2.1"});
    put("ns.shared", RRType::A, {"192.0.2.3"});
    std::vector<Name> redirects;
    std::erase_if(content_, [&](const auto& item) {
      const auto& [key, set] = item;
      const bool has_ns = content_.contains({key.first, RRType::NS});
      if (set.type == RRType::NS) return set.owner.view().is_wildcard() && set.owner != apex_;
      if (set.type == RRType::DS) return !has_ns || set.owner.view().is_wildcard();
      if (set.type != RRType::DNAME) return false;
      if (has_ns || set.owner == apex_ || name("ns.shared.a.b.example.").is_at_or_below(set.owner))
        return true;
      redirects.push_back(set.owner);
      return false;
    });
    std::erase_if(content_, [&](const auto& item) {
      return std::ranges::any_of(redirects,
                                 [&](const Name& dname) { return item.second.owner.view().is_below(dname); });
    });
  }

  const Content& content() const { return content_; }
  std::vector<RRset> sets(std::uint32_t serial) const {
    std::vector<RRset> out;
    for (const auto& [key, set] : content_) out.push_back(set);
    for (auto& set : out) {
      if (set.type != RRType::SOA) continue;
      auto soa = wire::Soa::read(set.rdatas.at(0));
      soa->serial = serial;
      set.rdatas[0] = soa->rdata();
    }
    return out;
  }

 private:
  void put(const Name& owner, RRType type, const std::vector<std::string>& data, std::uint32_t ttl = 300) {
    RRset set{owner, type, ttl, {}, {}};
    for (const auto& text : data) set.rdatas.push_back(rdata(type, text, apex_));
    set.normalise();
    content_.insert_or_assign({wire::sort_key(owner), type}, std::move(set));
  }
  void put(std::string_view relative, RRType type, const std::vector<std::string>& data) {
    put(Name::parse(relative, apex_).value(), type, data);
  }
  void drop(const Name& owner, RRType type) { content_.erase({wire::sort_key(owner), type}); }

  Name random_name() {
    static const std::vector<std::string> kLabels{"a", "b", "c", "ns", "*", "ent", "\\001x"};
    auto made = apex_;
    for (auto labels = 1 + below(rng_, 4); labels > 0; --labels)
      made = Name::prepend(as_bytes(pick(rng_, kLabels)), made).value();
    return made;
  }
  Name existing_name() {
    auto at = content_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(below(rng_, content_.size())));
    return at->second.owner;
  }
  // An existing name, an ancestor of one, a child of one, or any.
  Name some_name() {
    auto made = below(rng_, 4) == 0 ? random_name() : existing_name();
    if (below(rng_, 4) == 0 && made.label_count() > apex_.label_count()) made = Name(made.parent());
    if (below(rng_, 6) == 0) made = Name::prepend(as_bytes("x"), made).value_or(made);
    return made;
  }
  Name some_host() {
    auto made = some_name();
    return made == apex_ ? random_name() : made;
  }
  std::string number() { return std::to_string(1 + below(rng_, 9)); }
  std::string ds() { return number() + " 13 2 " + std::string(64, 'a'); }

  void edit() {
    const auto owner = some_host();
    const auto drop_type = [&](RRType type) { drop(owner, type); };
    switch (below(rng_, 16)) {
      case 0:
        return put(owner, RRType::TXT, {"\"" + number() + "\""}, 300);
      case 1:
        return put(owner, RRType::A, {"192.0.2." + number(), "192.0.2.77"}, 300);
      case 2:
        return put(owner, RRType::NS, {"ns.shared", "ns." + number() + ".other.example."}, 300);
      case 3:
        put(owner, RRType::NS, {"ns.shared"}, 300);
        return put(owner, RRType::DS, {ds()}, 300);
      case 4:
        return drop_type(RRType::NS);
      case 5:
        return drop_type(RRType::DS);
      case 6:
        return toggle_ds(owner);
      case 7:
        return put(owner, RRType::DNAME, {"target.other.example."}, 300);
      case 8:
      case 9:
        return drop_type(RRType::DNAME);
      case 10: {
        const auto victim = existing_name();
        if (victim == apex_) return;
        std::erase_if(content_, [&](const auto& item) { return item.second.owner == victim; });
        return;
      }
      case 11:
        return edit_apex();
      case 12:
        return put("ns.shared", RRType::A, {"192.0.2." + number()});
      case 13: {  // a whole tree goes
        if (below(rng_, 4) != 0) return;
        std::erase_if(content_, [&](const auto& item) { return item.second.owner.is_at_or_below(owner); });
        return;
      }
      case 14:
        return put(random_name(), RRType::NS, {"ns.shared"}, 300);
      default:
        return drop_type(RRType::TXT);
    }
  }

  void toggle_ds(const Name& owner) {
    if (!content_.contains({wire::sort_key(owner), RRType::NS})) return;
    if (content_.contains({wire::sort_key(owner), RRType::DS}))
      drop(owner, RRType::DS);
    else
      put(owner, RRType::DS, {ds()}, 300);
  }

  void edit_apex() {
    switch (below(rng_, 8)) {
      case 0:
        return put(apex_, RRType::TXT, {"\"apex " + number() + "\""}, 300);
      case 1:
        return drop(apex_, RRType::TXT);
      case 2:
        return put(apex_, RRType::NS, {"ns1", "ns" + number() + ".other.example."}, 3600);
      case 3:
        return put(apex_, RRType::SOA, {"ns1 hostmaster 1 7200 " + number() + " 604800 300"}, 3600);
      case 4:
        return put(apex_, RRType::SOA, {"ns1 hostmaster 1 7200 900 604800 " + number()}, 3600);
      case 5:
        if (below(rng_, 4) == 0) put(apex_, RRType::DNAME, {"all.other.example."}, 300);
        return;
      case 6:
        return drop(apex_, RRType::DNAME);
      default:
        return put(apex_, RRType::MX, {number() + " mx"}, 300);
    }
  }

  Rng& rng_;
  Name apex_;
  Content content_;
};

// The step between two contents, as a source would hand it over.
zone::Diff unsigned_step(const Name& apex, const Content& from, const Content& to, std::uint32_t serial,
                         Rng& rng) {
  zone::Diff diff{apex, serial, serial + 1, {}};
  for (const auto& [key, set] : from) {
    const auto other = to.find(key);
    if (other == to.end())
      diff.changes.push_back({set.owner, set.type, set, std::nullopt});
    else if (!(other->second == set))
      diff.changes.push_back({set.owner, set.type, set, other->second});
  }
  for (const auto& [key, set] : to)
    if (!from.contains(key)) diff.changes.push_back({set.owner, set.type, std::nullopt, set});
  std::ranges::shuffle(diff.changes, rng);
  return diff;
}

struct Case {
  std::string label;
  zone::Denial denial;
  bool opt_out;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.label;
}

class Incremental : public ::testing::TestWithParam<Case> {
 protected:
  SigningPolicy policy() const {
    SigningPolicy policy;
    policy.denial = GetParam().denial;
    policy.opt_out = GetParam().opt_out;
    return policy;
  }

  // `steps` steps of one history from `seed`.
  void run(std::uint64_t seed, std::size_t steps, const KeySet& keys, std::string_view apex_text) {
    SCOPED_TRACE("ONOMA_SEED=" + std::to_string(seed));
    Rng rng(seed);
    const auto apex = name(apex_text);
    const auto subject = signer(keys, policy());
    const auto reference = signer(keys, policy());
    World world(rng, apex);
    const auto dump = real_keys_ ? onoma::test::environment("ONOMA_DUMP") : std::nullopt;
    auto now = dump ? SystemClock().now() : kNow;
    std::uint32_t serial = 4'294'967'000U + static_cast<std::uint32_t>(seed % 200);  // crosses zero
    auto first = subject->sign_all(apex, world.sets(serial), now);
    ASSERT_TRUE(first) << first.error().message;
    auto zone = build(apex, std::move(*first));

    for (std::size_t step = 0; step < steps; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      const auto pause = std::chrono::minutes{below(rng, 2000)};
      if (!dump) now += pause;
      const auto old_content = content(build(apex, world.sets(serial)));
      world.change();
      if (dump) world.tidy();
      const auto new_content = content(build(apex, world.sets(serial)));
      auto diff = subject->sign(*zone, unsigned_step(apex, old_content, new_content, serial, rng), now);
      ASSERT_TRUE(diff) << diff.error().message;
      auto next = zone->apply(*diff);
      ASSERT_TRUE(next) << next.error().message;
      check_economy(*diff, now);
      ++serial;
      zone = *next;
      compare(*zone, *reference, world.sets(serial), keys, now);
      if (HasFailure()) return;
      if (dump)
        std::ofstream(*dump + "/" + GetParam().label + "-" + std::to_string(step) + ".zone")
            << zone::zone_text(*zone);

      if (below(rng, 4) == 0 || step % 6 == 5) {
        refresh(*subject, zone, serial, now, 1 + below(rng, 60));
        compare(*zone, *reference, world.sets(serial), keys, now);
        if (HasFailure()) return;
      }
    }
  }

  bool real_keys_ = false;

 private:
  static Content content(const zone::SnapshotPtr& snapshot) { return testing::content(*snapshot); }

  void compare(const zone::Snapshot& zone, zone::Signer& reference, std::vector<RRset> sets,
               const KeySet& keys, Time now) {
    const auto full = reference.sign_all(zone.facts().apex, std::move(sets), now);
    ASSERT_TRUE(full) << full.error().message;
    const auto is = testing::content(zone);
    const auto different = differences(is, testing::content(*full));
    EXPECT_TRUE(different.empty()) << different;
    // Signatures are never left to expire here, because histories refresh often enough.
    const auto bad = bad_signatures(is, keys, now);
    EXPECT_TRUE(bad.empty()) << bad;
  }

  // Nothing in a diff that changes nothing, and no new signature where the old one would do.
  void check_economy(const zone::Diff& diff, Time now) {
    for (const auto& change : diff.changes) {
      EXPECT_FALSE(change.before == change.after) << line_of(*change.after);
      if (!change.before || !change.after || change.before->signatures.empty()) continue;
      if (!change.before->same_data(*change.after) || change.after->signatures.empty()) continue;
      for (const auto& signature : change.before->signatures) {
        const auto left = std::int64_t{load_u32(signature.data() + 8)} - unix_seconds(now);
        EXPECT_LE(left, policy().refresh_lead.count())
            << "signed again too early: " << line_of(*change.after);
      }
    }
  }

  // Rounds of refreshing, each a version, until nothing is due.
  void refresh(zone::Signer& subject, zone::SnapshotPtr& zone, std::uint32_t& serial, Time now,
               std::size_t limit) {
    for (int rounds = 0;; ++rounds) {
      ASSERT_LT(rounds, 1000) << "refreshing does not end";
      const auto due = subject.next_refresh(*zone);
      ASSERT_TRUE(due.has_value());
      auto diff = subject.refresh(*zone, serial + 1, now, limit);
      ASSERT_TRUE(diff) << diff.error().message;
      EXPECT_EQ(*due <= now, !diff->empty());
      if (diff->empty()) break;
      auto next = zone->apply(*diff);
      ASSERT_TRUE(next) << next.error().message;
      zone = *next;
      ++serial;
    }
    for (const auto& [key, set] : testing::content(*zone)) {
      for (const auto& signature : set.signatures) {
        const auto left = std::int64_t{load_u32(signature.data() + 8)} - unix_seconds(now);
        EXPECT_GT(left, policy().refresh_lead.count()) << "not refreshed: " << line_of(set);
      }
    }
  }
};

TEST_P(Incremental, EqualsSigningAllForAnyHistory) {
  const auto seed = environment("ONOMA_SEED", 0);
  const auto steps = environment("ONOMA_STEPS", 60);
  if (seed != 0) return run(seed, steps, fake_keys(name("example.")), "example.");
  for (std::uint64_t history = 1; history <= 10 && !HasFailure(); ++history)
    run(history, steps, fake_keys(name("example.")), "example.");
}

TEST_P(Incremental, EqualsSigningAllInTheRootZone) {
  run(environment("ONOMA_SEED", 77), environment("ONOMA_STEPS", 60), fake_keys(name(".")), ".");
}

TEST_P(Incremental, WorksWithRealKeys) {
  real_keys_ = true;
  SeededRng rng(1);
  auto keys =
      generate_keys(name("a.b.example."), KeyLayout::ksk_and_zsk, crypto::Algorithm::ecdsa_p256, kNow, rng);
  ASSERT_TRUE(keys) << keys.error().message;
  run(environment("ONOMA_SEED", 5), 50, *keys, "a.b.example.");
}

INSTANTIATE_TEST_SUITE_P(Modes, Incremental,
                         ::testing::Values(Case{"nsec", zone::Denial::nsec, false},
                                           Case{"nsec3", zone::Denial::nsec3, false},
                                           Case{"opt_out", zone::Denial::nsec3, true}),
                         [](const auto& test) { return test.param.label; });

}  // namespace
}  // namespace onoma::sign::testing
