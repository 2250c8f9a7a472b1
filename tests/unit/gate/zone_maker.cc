#include "unit/gate/zone_maker.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <stdexcept>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::gate::testing {
namespace {

std::string lower_wire(NameView n) {
  std::string out(as_text(n.wire()));
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// Signatures are kept, so that an unchanged set keeps its signature although ECDSA draws a new nonce each
// time.
const Bytes& signature(const TestKey& key, const Bytes& message) {
  static std::map<std::pair<std::uint16_t, Bytes>, Bytes> made;
  auto& out = made[{key.tag, message}];
  if (out.empty()) out = key.key.sign(message).value();
  return out;
}

bool is_cut(const Sets& sets, const Name& apex, const Name& n) {
  const auto at = sets.find(n);
  return at != sets.end() && n != apex && at->second.contains(RRType::NS);
}

bool hidden(const Sets& sets, const Name& apex, const Name& n) {
  for (Name above = n; above != apex;) {
    above = above.parent();
    const auto at = sets.find(above);
    if (at == sets.end()) continue;
    if (is_cut(sets, apex, above) || at->second.contains(RRType::DNAME)) return true;
  }
  return false;
}

std::string hash_of(const Name& n) {
  const auto text = lower_wire(n) + "\xaa\xbb";
  auto digest = crypto::sha1(as_bytes(text));
  std::string again(as_text(digest));
  digest = crypto::sha1(as_bytes(again + "\xaa\xbb"));
  return std::string(as_text(digest));
}

}  // namespace

Name name(std::string_view text) {
  return Name::parse(text, Name{}).value();
}

TestKey TestKey::make(std::uint16_t flags, crypto::Algorithm algorithm) {
  TestKey out{crypto::PrivateKey::generate(algorithm).value(), flags, {}, 0};
  ByteWriter writer(out.dnskey);
  writer.u16(flags);
  writer.u8(3);
  writer.u8(static_cast<std::uint8_t>(algorithm));
  writer.bytes(out.key.public_key_field());
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < out.dnskey.size(); ++i) sum += i & 1 ? out.dnskey[i] : out.dnskey[i] * 256U;
  out.tag = static_cast<std::uint16_t>(sum + (sum >> 16));
  return out;
}

const TestKey& ksk() {
  static const auto key = TestKey::make(257, crypto::Algorithm::ecdsa_p256);
  return key;
}
const TestKey& zsk() {
  static const auto key = TestKey::make(256, crypto::Algorithm::ecdsa_p256);
  return key;
}
const TestKey& other_key() {
  static const auto key = TestKey::make(256, crypto::Algorithm::ecdsa_p256);
  return key;
}
const TestKey& ed_key() {
  static const auto key = TestKey::make(256, crypto::Algorithm::ed25519);
  return key;
}

Bytes bitmap(std::vector<std::uint16_t> types) {
  std::map<int, Bytes> windows;
  for (auto type : types) {
    auto& bits = windows[type / 256];
    const auto low = type % 256U;
    if (bits.size() <= low / 8) bits.resize(low / 8 + 1);
    bits[low / 8] = static_cast<std::uint8_t>(bits[low / 8] | 128U >> low % 8);
  }
  Bytes out;
  for (const auto& [window, bits] : windows) {
    out.push_back(static_cast<std::uint8_t>(window));
    out.push_back(static_cast<std::uint8_t>(bits.size()));
    append(out, bits);
  }
  return out;
}

Bytes rrsig(const RRset& set, const TestKey& key, const SignAs& as) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(wire::number(as.covered_instead == RRType{} ? set.type : as.covered_instead));
  writer.u8(static_cast<std::uint8_t>(key.key.algorithm()));
  const auto labels = static_cast<int>(set.owner.label_count()) - (set.owner.view().is_wildcard() ? 1 : 0);
  writer.u8(static_cast<std::uint8_t>(labels + as.labels_more));
  writer.u32(set.ttl + as.ttl_more);
  writer.u32(as.expiration);
  writer.u32(as.inception);
  writer.u16(static_cast<std::uint16_t>(key.tag + as.tag_more));
  writer.bytes(as_bytes(lower_wire(as.signer)));
  std::set<Bytes> canonical;
  for (const auto& data : set.rdatas) canonical.insert(wire::canonical_rdata(set.type, data));
  Bytes message = out;
  ByteWriter to(message);
  for (const auto& data : canonical) {
    to.bytes(as_bytes(lower_wire(set.owner)));
    to.u16(wire::number(set.type));
    to.u16(1);
    to.u32(set.ttl + as.ttl_more);
    to.u16(static_cast<std::uint16_t>(data.size()));
    to.bytes(data);
  }
  append(out, signature(key, message));
  return out;
}

void Maker::add(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::string owner, ttl, type, data;
  in >> owner >> ttl >> type;
  std::getline(in, data);
  data.erase(0, data.find_first_not_of(' '));
  const auto full = owner == "@" ? apex : Name::parse(owner, apex).value();
  const auto rrtype = wire::parse_type(type).value();
  auto rdata = wire::parse_rdata(rrtype, data, apex);
  if (!rdata) throw std::invalid_argument(std::string(line));
  auto& set = content[full][rrtype];
  set.owner = full;
  set.type = rrtype;
  set.ttl = static_cast<std::uint32_t>(std::stoul(ttl));
  set.rdatas.push_back(*rdata);
  set.normalise();
}

void Maker::remove(std::string_view owner, RRType type) {
  const auto at = content.find(Name::parse(owner, apex).value());
  at->second.erase(type);
  if (at->second.empty()) content.erase(at);
}

void Maker::add_basics() {
  for (const char* line : {
           "@ 3600 NS ns1",
           "@ 3600 NS ns.example.",
           "ns1 3600 A 127.0.0.1",
           "child1 3600 NS ns1.child1",
           "ns1.child1 3600 A 192.0.2.1",
           "ns1.child1 3600 AAAA 2001:db8::1",
           "child2 3600 NS ns1.child1",
           "Sec 3600 NS Ns1.Sec",
           "sec 3600 DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
           "ns1.sec 3600 A 192.0.2.5",
           "deep.sub 3600 NS ns.deep.sub",
           "ns.deep.sub 3600 A 192.0.2.6",
           "*.w 600 A 192.0.2.7",
           "host.w 3600 A 192.0.2.8",
           "a.b.ent 3600 A 192.0.2.9",
           "c1 3600 CNAME WWW",
           "www 3600 A 192.0.2.10",
           "www 3600 A 192.0.2.11",
           "www 3600 MX 10 Mail.Example.",
           "dn 3600 DNAME target.example.",
           "gone.dn 3600 A 192.0.2.12",
           "zz 3600 TYPE2000 \\# 3 414243",
       })
    add(line);
}

void Maker::sign(RRset& set) const {
  set.signatures.clear();
  const bool by_ksk = set.type == RRType::DNSKEY || set.type == RRType::CDS || set.type == RRType::CDNSKEY;
  SignAs as;
  as.signer = apex;
  for (const auto* key : by_ksk ? key_keys : zone_keys) set.signatures.push_back(rrsig(set, *key, as));
  set.normalise();
}

Sets Maker::signed_sets() const {
  auto sets = content;
  auto put = [&](const Name& owner, RRType type, std::uint32_t ttl, Bytes data) -> RRset& {
    auto& set = sets[owner][type];
    set.owner = owner;
    set.type = type;
    set.ttl = ttl;
    set.rdatas.push_back(std::move(data));
    return set;
  };
  wire::Soa soa{name("ns1.tld."), name("hostmaster.tld."), serial, 1800, 900, 604800, 300};
  put(apex, RRType::SOA, 3600, soa.rdata());
  std::set<Bytes> dnskeys;
  for (const auto& list : {zone_keys, key_keys})
    for (const auto* key : list) dnskeys.insert(key->dnskey);
  for (const auto& data : dnskeys) put(apex, RRType::DNSKEY, 3600, data);
  const Bytes salt{0xaa, 0xbb};
  if (mode != Mode::nsec) put(apex, RRType::NSEC3PARAM, 0, {1, 0, 0, 1, 2, 0xaa, 0xbb});

  std::vector<Name> visible;
  for (const auto& entry : sets)
    if (!hidden(sets, apex, entry.first)) visible.push_back(entry.first);
  auto types_at = [&](const Name& n) {
    std::vector<std::uint16_t> types;
    bool any_signed = mode == Mode::nsec;
    for (const auto& entry : sets[n]) {
      if (is_cut(sets, apex, n) && entry.first != RRType::NS && entry.first != RRType::DS) continue;
      if (!is_cut(sets, apex, n) || entry.first == RRType::DS) any_signed = true;
      types.push_back(wire::number(entry.first));
    }
    if (any_signed) types.push_back(46);
    if (mode == Mode::nsec) types.push_back(47);
    std::sort(types.begin(), types.end());
    return types;
  };
  if (mode == Mode::nsec) {
    for (std::size_t i = 0; i < visible.size(); ++i) {
      const auto types = types_at(visible[i]);
      Bytes data;
      append(data, visible[(i + 1) % visible.size()].wire());
      append(data, bitmap(types));
      put(visible[i], RRType::NSEC, 300, std::move(data));
    }
  } else {
    std::map<std::string, std::vector<std::uint16_t>> records;
    for (const auto& n : visible) {
      if (mode == Mode::opt_out && is_cut(sets, apex, n) && !sets[n].contains(RRType::DS)) continue;
      records[hash_of(n)] = types_at(n);
      if (n == apex) continue;
      for (Name above = n.parent(); above != apex; above = above.parent())
        if (!sets.contains(above)) records[hash_of(above)] = {};
    }
    for (auto at = records.begin(); at != records.end(); ++at) {
      const auto next = std::next(at) == records.end() ? records.begin() : std::next(at);
      Bytes data{1, static_cast<std::uint8_t>(mode == Mode::opt_out ? 1 : 0), 0, 1, 2, 0xaa, 0xbb, 20};
      append(data, as_bytes(next->first));
      append(data, bitmap(at->second));
      put(Name::prepend(as_bytes(base32hex(as_bytes(at->first))), apex).value(), RRType::NSEC3, 300,
          std::move(data));
    }
  }
  for (auto& [owner, types] : sets)
    for (auto& [type, set] : types) {
      const bool nsec3_owner = type == RRType::NSEC3;
      if (!nsec3_owner && hidden(sets, apex, owner)) continue;
      if (is_cut(sets, apex, owner) && type != RRType::DS && type != RRType::NSEC) continue;
      set.normalise();
      sign(set);
    }
  return sets;
}

zone::SnapshotPtr build(const Name& apex, const Sets& sets) {
  zone::SnapshotBuilder builder(apex);
  for (const auto& [owner, types] : sets)
    for (const auto& [type, set] : types)
      if (auto added = builder.add(set); !added) throw std::runtime_error(added.error().message);
  auto made = builder.finish();
  if (!made) throw std::runtime_error(made.error().message);
  return *made;
}

zone::SnapshotPtr Maker::build() const {
  return testing::build(apex, signed_sets());
}

}  // namespace onoma::gate::testing
