#include "property/sign/world.h"

#include <fstream>
#include <set>

namespace onoma::sign::testing {

namespace {

constexpr std::string_view kZone =
    "@ 3600 SOA ns1 hostmaster 1 7200 900 604800 300\n@ 3600 NS ns1\nns1 86400 A 192.0.2.1\n"
    "*.wild 7200 TXT \"x\"\nsecure 3600 NS ns1\nsecure 3600 DS 1 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\nplain 3600 NS ns1\n"
    "a.b.deep 300 TXT \"y\"\n";

std::string where(const RRset& set) {
  return set.owner.text() + " " + wire::type_text(set.type);
}

}  // namespace

World::World(Plan plan, std::string directory, Time start)
    : plan_(std::move(plan)), directory_(std::move(directory)), clock_(start) {
  restart();
  const auto sets = signer_->sign_all(apex_, sets_from(apex_, kZone), now());
  EXPECT_TRUE(sets) << (sets ? "" : sets.error().message);
  show(build(apex_, *sets));
  ds_.push_back(
      {now(), kOpen, manager_->keys().ds_set(static_cast<std::uint32_t>(plan_.keys.parent_ds_ttl.count()))});
  const auto first = manager_->keys();
  for (const auto& key : first.keys())
    if (is<key_state::Ready>(key.state)) {
      const auto told = manager_->ds_seen(key.tag());
      EXPECT_TRUE(told);
    }
  next_change_ = start + std::chrono::hours{36};
}

// Everything that is not on disk is lost.
void World::restart() {
  signer_.reset();
  manager_.reset();
  auto opened = KeyManager::open(
      {.directory = directory_, .zone = apex_, .keys = plan_.keys, .signing = plan_.signing, .make = {}},
      clock_, rng_);
  ASSERT_TRUE(opened) << opened.error().message;
  manager_ = *opened;
  auto made = make_signer(manager_, plan_.signing);
  ASSERT_TRUE(made) << made.error().message;
  signer_ = std::move(*made);
  next_restart_ = now() + plan_.restart_every;
}

void World::run(Time until) {
  while (now() < until && wrong.empty()) {
    auto next = std::min({until, next_restart_, next_change_, now() + std::chrono::days{1}});
    if (const auto due = signer_->next_refresh(*current_)) next = std::min(next, *due);
    for (const auto& at : {parent_acts_, parent_shows_})
      if (at) next = std::min(next, *at);
    if (next > now()) clock_.advance(next - now());
    if (now() >= next_restart_) restart();
    if (now() >= next_change_) change_content();
    follow_parent();
    const auto due = signer_->next_refresh(*current_);
    if (due && *due <= now()) {
      const auto diff = signer_->refresh(*current_, current_->facts().serial + 1, now(), 100);
      ASSERT_TRUE(diff) << diff.error().message;
      if (!diff->empty()) show(current_->apply(*diff).value());
    }
    note_keys();
    follow_parent();
    check();
    // Nothing happens twice in one instant.
    if (const auto again = signer_->next_refresh(*current_); again && *again <= now())
      clock_.advance(std::chrono::seconds{1});
  }
}

void World::change_content() {
  next_change_ = now() + std::chrono::hours{24 * 5 + 7};
  const auto text = "txt" + std::to_string(content_ % 3) + " 3600 TXT \"" + std::to_string(content_) + "\"";
  ++content_;
  auto set = sets_from(apex_, text).at(0);
  const auto node = current_->node(wire::sort_key(set.owner));
  std::optional<RRset> before;
  if (const auto old = node ? node->find(RRType::TXT) : std::nullopt) before = old->copy(set.owner);
  const auto serial = current_->facts().serial;
  const auto diff =
      signer_->sign(*current_, {apex_, serial, serial + 1, {{set.owner, RRType::TXT, before, set}}}, now());
  ASSERT_TRUE(diff) << diff.error().message;
  show(current_->apply(*diff).value());
}

void World::show(zone::SnapshotPtr next) {
  ++versions;
  current_ = std::move(next);
  const auto all = content(*current_);
  for (auto& [key, spans] : sets_) {
    const auto at = all.find(key);
    if (!spans.empty() && spans.back().to == kOpen && (at == all.end() || !(at->second == spans.back().what)))
      spans.back().to = now();
  }
  for (const auto& [key, set] : all) {
    if (set.signatures.empty()) continue;
    auto& spans = sets_[key];
    if (spans.empty() || spans.back().to != kOpen) spans.push_back({now(), kOpen, set});
  }
  // The whole version, by code that shares nothing with the signer.
  const auto verdict = gate::verify_zone(*current_, {}, now());
  if (!verdict.accepted()) wrong.push_back(iso8601(now()) + " the gate: " + verdict.findings.front().what);
}

void World::note_keys() {
  bool changed = false;
  const auto report = manager_->report();
  for (const auto& key : report.keys) {
    auto& state = states_[key.tag];
    const auto is = key.state + (key.standby ? " stand-by" : "");
    if (state == is) continue;
    state = is;
    changed = true;
    ++seen[std::string(role_name(key.role)) + " " + is];
  }
  if (!changed) return;
  ++key_changes;
  dump();
}

void World::follow_parent() {
  const auto cds = current_->apex().find(RRType::CDS);
  if (!cds) return;
  auto wanted = cds->copy(apex_);
  wanted.type = RRType::DS;
  wanted.ttl = static_cast<std::uint32_t>(plan_.keys.parent_ds_ttl.count());
  wanted.signatures.clear();
  if (parent_shows_ && now() >= *parent_shows_) {
    parent_shows_.reset();
    const auto keys = manager_->keys();
    for (const auto& key : keys.keys())
      if (is<key_state::Ready>(key.state)) {
        const auto told = manager_->ds_seen(key.tag());
        EXPECT_TRUE(told) << told.error().message;
      }
  }
  if (wanted.same_data(ds_.back().what)) return;
  if (!parent_acts_) parent_acts_ = now() + plan_.parent_delay;
  if (now() < *parent_acts_) return;
  parent_acts_.reset();
  parent_shows_ = now() + plan_.parent_lag;
  ds_.back().to = now();
  ds_.push_back({now(), kOpen, std::move(wanted)});
}

bool World::verifies(const RRset& set, ByteView key, ByteView signature) {
  const auto rrsig = wire::Rrsig::read(signature);
  const auto dnskey = wire::Dnskey::read(key);
  if (!rrsig || !dnskey || rrsig->algorithm != dnskey->algorithm || rrsig->key_tag != wire::key_tag(key))
    return false;
  const auto seconds = unix_seconds(now());
  if (rrsig->inception > seconds || rrsig->expiration <= seconds) return false;
  auto message = wire::signature_input(*rrsig, set);
  auto id = message;
  append(id, key);
  append(id, rrsig->signature);
  const auto digest = crypto::sha256(id);
  auto [at, fresh] = verified_.try_emplace(Bytes(digest.begin(), digest.end()), false);
  if (fresh) {
    const auto algorithm = crypto::algorithm_from(dnskey->algorithm);
    const auto made = crypto::PublicKey::from_dnskey(*algorithm, dnskey->public_key);
    at->second = made && made->verify(message, rrsig->signature);
  }
  return at->second;
}

// What a resolver with this DNSKEY set makes of everything else that it may hold: for every algorithm in the
// set, a signature by one of its keys (the strictest reading of RFC 4035 §2.2 and RFC 6840 §5.11).
void World::check_keys(const Span<RRset>& keys) {
  std::set<std::uint8_t> algorithms;
  for (const auto& rdata : keys.what.rdatas) algorithms.insert(rdata[3]);
  for (const auto& [name_type, spans] : sets_) {
    if (name_type.second == RRType::DNSKEY) continue;
    for (const auto& span : spans) {
      if (!cached(span.from, span.to, std::chrono::seconds{span.what.ttl}, plan_.lag)) continue;
      for (const auto algorithm : algorithms) {
        const bool good = std::ranges::any_of(keys.what.rdatas, [&](const Bytes& key) {
          return key[3] == algorithm &&
                 std::ranges::any_of(span.what.signatures, [&](const Bytes& signature) {
                   return verifies(span.what, key, signature);
                 });
        });
        if (!good)
          wrong.push_back(iso8601(now()) + " " + where(span.what) + " of " + iso8601(span.from) +
                          " under the DNSKEY set of " + iso8601(keys.from) +
                          " has no good signature of algorithm " + std::to_string(algorithm));
      }
    }
  }
}

// Which DNSKEY sets a resolver with this DS set accepts: for every algorithm in it, a DS whose key signs.
void World::check_ds(const Span<RRset>& ds) {
  for (const auto& keys : sets_[{wire::sort_key(apex_), RRType::DNSKEY}]) {
    if (!cached(keys.from, keys.to, std::chrono::seconds{keys.what.ttl}, plan_.lag)) continue;
    std::set<std::uint8_t> algorithms, good;
    for (const auto& record : ds.what.rdatas) {
      algorithms.insert(record[2]);
      for (const auto& key : keys.what.rdatas) {
        const auto dnskey = wire::Dnskey::read(key);
        if (ds_rdata(apex_, *dnskey, static_cast<DsDigest>(record[3])) != record) continue;
        for (const auto& signature : keys.what.signatures)
          if (verifies(keys.what, key, signature)) good.insert(record[2]);
      }
    }
    if (good != algorithms)
      wrong.push_back(iso8601(now()) + " the DNSKEY set of " + iso8601(keys.from) +
                      " is not trusted by the DS of " + iso8601(ds.from));
  }
}

void World::check() {
  for (const auto& ds : ds_)
    if (cached(ds.from, ds.to, plan_.keys.parent_ds_ttl, plan_.parent_lag)) check_ds(ds);
  for (const auto& keys : sets_[{wire::sort_key(apex_), RRType::DNSKEY}])
    if (cached(keys.from, keys.to, std::chrono::seconds{keys.what.ttl}, plan_.lag)) check_keys(keys);
  // What no cache holds any more is of no interest.
  for (auto& [key, spans] : sets_)
    std::erase_if(spans, [&](const Span<RRset>& span) {
      return span.to != kOpen && span.to + std::chrono::days{10} < now();
    });
  if (wrong.size() > 5) wrong.resize(5);
}

void World::dump() const {
  if (plan_.dump.empty()) return;
  const auto base = plan_.dump + "/" + std::to_string(unix_seconds(now()));
  std::ofstream zone(base + ".zone");
  for (const auto& [key, set] : content(*current_)) zone << wire::rrset_lines(set);
  std::ofstream(base + ".time") << unix_seconds(now()) << "\n";
  std::ofstream ds(base + ".ds");
  ds << wire::rrset_lines(ds_.empty() ? manager_->keys().ds_set(3600) : ds_.back().what);
}

}  // namespace onoma::sign::testing
