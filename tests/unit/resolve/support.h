// What the tests of `resolve` share: a registry in memory, a small zone signed with real keys, a clock.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "model/json.h"
#include "resolve/resolver.h"
#include "sign/signer.h"
#include "wire/zonefile.h"

namespace onoma::resolve::testing {

inline Name name(std::string_view text) {
  auto parsed = Name::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Name();
}

inline const Time kNow = from_unix_seconds(1'790'000'000);

// The objects of a registry, and a reader over them.
struct Registry final : model::ReaderSource {
  std::map<std::string, model::Tld> tlds;
  std::map<std::string, model::Domain> domains;
  std::map<std::pair<std::string, std::string>, model::Identifier> identifiers;
  std::vector<model::Event> events;  // seq 1, 2, …

  Result<std::unique_ptr<model::ObjectReader>> open() override;

  // Puts an object in and writes the event that says so.
  void put(const model::Domain& domain, std::string command = "domain.create") {
    domains[model::name_text(domain.name)] = domain;
    record(model::ObjectKind::domain, model::name_text(domain.name), std::move(command));
  }
  void put(const model::Identifier& identifier) {
    identifiers[{identifier.scheme, identifier.canonical}] = identifier;
    record(model::ObjectKind::identifier, identifier.scheme + ":" + identifier.canonical,
           "identifier.create");
  }
  void record(model::ObjectKind kind, std::string key, std::string command) {
    model::Event event;
    event.seq = events.size() + 1;
    event.id.octets.fill(static_cast<std::uint8_t>(event.seq));
    event.time = kNow - std::chrono::hours(1) + std::chrono::seconds(event.seq);
    event.command = std::move(command);
    event.changes.push_back({kind, std::move(key), {}, {}});
    events.push_back(std::move(event));
  }
};

class Reader final : public model::ObjectReader {
 public:
  explicit Reader(const Registry& registry) : all_(registry) {}
  std::uint64_t last_seq() override { return all_.events.size(); }
  std::uint64_t generation() override { return 1; }
  Result<std::optional<model::Tld>> tld(const Name& name) override {
    return find(all_.tlds, model::name_text(name));
  }
  Result<std::optional<model::Registrar>> registrar(std::string_view) override { return std::nullopt; }
  Result<std::optional<model::Contact>> contact(std::string_view) override { return std::nullopt; }
  Result<std::optional<model::Host>> host(const Name&) override { return std::nullopt; }
  Result<std::optional<model::Domain>> domain(const Name& name) override {
    return find(all_.domains, model::name_text(name));
  }
  Result<std::optional<model::Identifier>> identifier(std::string_view scheme,
                                                      std::string_view canonical) override {
    return find(all_.identifiers, std::pair(std::string(scheme), std::string(canonical)));
  }
  Result<std::optional<model::Identifier>> identifier_at(const Name& at) override {
    for (const auto& [key, identifier] : all_.identifiers)
      if (identifier.dns_name == at) return identifier;
    return std::nullopt;
  }
  Result<std::vector<model::Identifier>> identifiers_at(const Name& at) override {
    std::vector<model::Identifier> out;
    for (const auto& [key, identifier] : all_.identifiers)
      if (identifier.dns_name == at) out.push_back(identifier);
    return out;
  }
  Result<std::vector<model::Tld>> tlds() override {
    std::vector<model::Tld> out;
    for (const auto& [key, tld] : all_.tlds) out.push_back(tld);
    return out;
  }
  Result<model::Page<model::Registrar>> registrars(std::string_view, std::size_t) override {
    return model::Page<model::Registrar>{};
  }
  Result<model::Page<model::Contact>> contacts(std::string_view, std::size_t) override {
    return model::Page<model::Contact>{};
  }
  Result<model::Page<model::Host>> hosts(std::string_view, std::size_t) override {
    return model::Page<model::Host>{};
  }
  Result<model::Page<model::Domain>> domains(std::string_view, std::size_t) override {
    return model::Page<model::Domain>{};
  }
  Result<model::Page<model::Identifier>> identifiers(std::string_view, std::size_t) override {
    return model::Page<model::Identifier>{};
  }
  Result<void> each_domain(const Name&, const std::function<Result<void>(model::Domain&&)>&) override {
    return {};
  }
  Result<void> each_identifier(const Name&,
                               const std::function<Result<void>(model::Identifier&&)>&) override {
    return {};
  }
  Result<bool> host_is_used(const Name&, const Name&) override { return false; }
  Result<std::vector<Name>> domains_using(const Name&, std::size_t) override { return std::vector<Name>{}; }
  Result<std::optional<model::Event>> event(std::uint64_t seq) override {
    if (seq == 0 || seq > all_.events.size()) return std::nullopt;
    return all_.events[seq - 1];
  }
  Result<std::optional<model::Event>> event_by_id(const Id128&) override { return std::nullopt; }
  Result<std::vector<model::Event>> events_after(std::uint64_t, std::size_t) override {
    return std::vector<model::Event>{};
  }
  Result<std::optional<std::uint64_t>> last_event_of(model::ObjectKind kind, std::string_view key) override {
    std::optional<std::uint64_t> newest;
    for (const auto& event : all_.events)
      for (const auto& change : event.changes)
        if (change.kind == kind && change.key == key) newest = event.seq;
    return newest;
  }

 private:
  template <class Map>
  static std::optional<typename Map::mapped_type> find(const Map& map, const typename Map::key_type& key) {
    const auto at = map.find(key);
    if (at == map.end()) return std::nullopt;
    return at->second;
  }
  const Registry& all_;
};

inline Result<std::unique_ptr<model::ObjectReader>> Registry::open() {
  return std::make_unique<Reader>(*this);
}

// Sets from zone-file text; records of one owner and type are united.
inline std::vector<wire::RRset> sets_from(const Name& apex, std::string_view text) {
  std::map<std::pair<std::string, wire::RRType>, wire::RRset> sets;
  wire::ZoneFileOptions options;
  options.origin = apex;
  const auto parsed = wire::parse_zone_text(text, options, [&](wire::Record&& record) -> Result<void> {
    auto& set = sets[{wire::sort_key(record.owner), record.type}];
    set.owner = record.owner, set.type = record.type, set.ttl = record.ttl;
    set.rdatas.push_back(std::move(record.rdata));
    return {};
  });
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  std::vector<wire::RRset> out;
  for (auto& [key, set] : sets) {
    set.normalise();
    out.push_back(std::move(set));
  }
  return out;
}

inline zone::SnapshotPtr build(const Name& apex, std::vector<wire::RRset> sets) {
  zone::SnapshotBuilder builder(apex);
  for (auto& set : sets) EXPECT_TRUE(builder.add(std::move(set)));
  auto made = builder.finish();
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? *made : nullptr;
}

inline std::vector<wire::RRset> signed_sets(const Name& apex, std::string_view text, zone::Denial denial,
                                            bool opt_out = false) {
  sign::KeySet keys(apex, {1, 2});
  EXPECT_TRUE(
      keys.add_generated(sign::Role::ksk, crypto::Algorithm::ecdsa_p256, sign::key_state::Active{kNow}));
  EXPECT_TRUE(
      keys.add_generated(sign::Role::zsk, crypto::Algorithm::ecdsa_p256, sign::key_state::Active{kNow}));
  sign::SigningPolicy policy;
  policy.denial = denial;
  policy.opt_out = opt_out;
  auto signer = sign::make_signer(std::move(keys), policy);
  EXPECT_TRUE(signer) << (signer ? "" : signer.error().message);
  auto sets = (*signer)->sign_all(apex, sets_from(apex, text), kNow);
  EXPECT_TRUE(sets) << (sets ? "" : sets.error().message);
  return sets ? *std::move(sets) : std::vector<wire::RRset>{};
}

inline constexpr std::string_view kZone = R"(
@             3600 SOA ns1 hostmaster 2026092501 7200 900 604800 300
@             3600 NS ns1
ns1           300 A 192.0.2.1
secure        300 NS ns1.secure
secure        300 NS ns.elsewhere.example.
secure        300 DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns1.secure    300 A 192.0.2.2
ns1.secure    300 AAAA 2001:db8::2
plain         300 NS ns1
*.wild        300 TXT "w"
alias         300 DNAME elsewhere.example.
182._h.1000.10.hdl.id  300 TXT "v=onid1;s=hdl;st=active;n=1;d=x;i=10.1000/182"
182._h.1000.10.hdl.id  300 URI 10 1 "https://www.doi.org/"
)";

}  // namespace onoma::resolve::testing
