// What the tests of `sign` share: quick keys, zones from text, whole contents to compare, and a check of
// every signature that knows nothing of how the signer works.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "crypto/verify.h"
#include "sign/signer.h"
#include "wire/dnssec.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "wire/zonefile.h"
#include "zone/snapshot.h"

namespace onoma::sign::testing {

using wire::Name;
using wire::RRset;
using wire::RRType;

// Stands in for a private key: the "signature" is SHA-256 over the public key and the message, so that
// anybody can make it, and a test can check it, in a microsecond.
class FakeSigner final : public RawSigner {
 public:
  explicit FakeSigner(Bytes public_key) : public_key_(std::move(public_key)) {}
  Result<Bytes> sign(ByteView message) const override { return make(public_key_, message); }
  static Bytes make(ByteView public_key, ByteView message) {
    crypto::Sha256Stream hash;
    hash.update(public_key);
    hash.update(message);
    const auto digest = hash.finish();
    return {digest.begin(), digest.end()};
  }

 private:
  Bytes public_key_;
};

inline constexpr std::uint8_t kFakeAlgorithm = 253;

inline Key fake_key(Role role, KeyState state, std::uint8_t filling) {
  Key key;
  key.role = role;
  key.record.flags = role == Role::zsk ? 256 : 257;
  key.record.algorithm = kFakeAlgorithm;
  key.record.public_key = Bytes(32, filling);
  key.state = state;
  key.signer = std::make_shared<FakeSigner>(key.record.public_key);
  return key;
}

inline KeySet fake_keys(const Name& zone, Time now = {}) {
  KeySet keys(zone, {1, 2, 3});
  EXPECT_TRUE(keys.add(fake_key(Role::ksk, key_state::Active{now}, 1)));
  EXPECT_TRUE(keys.add(fake_key(Role::zsk, key_state::Active{now}, 2)));
  return keys;
}

inline Name name(std::string_view text) {
  auto parsed = Name::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Name();
}

inline const Time kNow = from_unix_seconds(1'790'000'000);

// Sets from zone-file text, in file order; records of one owner and type are united.
inline std::vector<RRset> sets_from(const Name& apex, std::string_view text) {
  std::map<std::pair<std::string, RRType>, RRset> sets;
  wire::ZoneFileOptions options;
  options.origin = apex;
  const auto parsed = wire::parse_zone_text(text, options, [&](wire::Record&& record) -> Result<void> {
    auto& set = sets[{wire::sort_key(record.owner), record.type}];
    set.owner = record.owner;
    set.type = record.type;
    set.ttl = record.ttl;
    set.rdatas.push_back(std::move(record.rdata));
    return {};
  });
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  std::vector<RRset> out;
  for (auto& [key, set] : sets) {
    set.normalise();
    out.push_back(std::move(set));
  }
  return out;
}

inline zone::SnapshotPtr build(const Name& apex, std::vector<RRset> sets) {
  zone::SnapshotBuilder builder(apex);
  for (auto& set : sets) {
    const auto added = builder.add(std::move(set));
    EXPECT_TRUE(added) << (added ? "" : added.error().message);
  }
  auto made = builder.finish();
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? *made : nullptr;
}

using Content = std::map<std::pair<std::string, RRType>, RRset>;

inline Content content(const std::vector<RRset>& sets) {
  Content out;
  for (const auto& set : sets) {
    const auto [at, inserted] = out.emplace(std::pair(wire::sort_key(set.owner), set.type), set);
    EXPECT_TRUE(inserted) << set.owner.text() << " " << wire::type_text(set.type) << " occurs twice";
  }
  return out;
}

inline Content content(const zone::Snapshot& snapshot) {
  std::vector<RRset> sets;
  const auto take = [&](const zone::NodeView& node) {
    for (std::size_t i = 0; i < node.size(); ++i) sets.push_back(node.at(i).copy(node.owner()));
  };
  for (auto cursor = snapshot.first(); cursor.valid(); cursor.next()) take(cursor.node());
  for (auto cursor = snapshot.nsec3_first(); cursor.valid(); cursor.next()) take(cursor.node());
  return content(sets);
}

// One line per set: everything but signature octets and times.
inline std::string line_of(const RRset& set) {
  std::string line =
      set.owner.lower().text() + " " + std::to_string(set.ttl) + " " + wire::type_text(set.type);
  for (const auto& rdata : set.rdatas) line += " [" + wire::rdata_text(set.type, rdata) + "]";
  for (const auto& signature : set.signatures) {
    const auto rrsig = wire::Rrsig::read(signature);
    if (!rrsig) return line + " (unreadable RRSIG)";
    line += " (RRSIG " + wire::type_text(rrsig->covered) + " " + std::to_string(rrsig->algorithm) + " " +
            std::to_string(rrsig->labels) + " " + std::to_string(rrsig->original_ttl) + " " +
            std::to_string(rrsig->key_tag) + " " + rrsig->signer.text() + ")";
  }
  return line;
}

inline std::vector<std::string> lines_of(const Content& all) {
  std::vector<std::string> lines;
  for (const auto& [key, set] : all) lines.push_back(line_of(set));
  std::ranges::sort(lines);
  return lines;
}

// What one has that the other has not; empty when they are equal.
inline std::string differences(const Content& is, const Content& should) {
  const auto a = lines_of(is), b = lines_of(should);
  std::vector<std::string> only_a, only_b;
  std::ranges::set_difference(a, b, std::back_inserter(only_a));
  std::ranges::set_difference(b, a, std::back_inserter(only_b));
  std::string text;
  for (const auto& line : only_a) text += "  is     " + line + "\n";
  for (const auto& line : only_b) text += "  should " + line + "\n";
  return text;
}

// Every signature is by a key of the zone, valid at `now` and right; returns what is wrong.
inline std::string bad_signatures(const Content& all, const KeySet& keys, Time now) {
  std::map<std::pair<std::uint8_t, std::uint16_t>, crypto::PublicKey> public_keys;
  for (const auto& key : keys.keys()) {
    const auto algorithm = crypto::algorithm_from(key.record.algorithm);
    if (!algorithm) continue;
    auto made = crypto::PublicKey::from_dnskey(*algorithm, key.record.public_key);
    if (made) public_keys.emplace(std::pair(key.record.algorithm, key.tag()), *made);
  }
  std::string text;
  const auto seconds = unix_seconds(now);
  for (const auto& [where, set] : all) {
    for (const auto& signature : set.signatures) {
      const auto rrsig = wire::Rrsig::read(signature);
      bool good =
          rrsig && rrsig->covered == set.type && rrsig->inception <= seconds && rrsig->expiration > seconds;
      if (good) {
        const auto message = wire::signature_input(*rrsig, set);
        const auto key = std::ranges::find_if(keys.keys(), [&](const Key& k) {
          return k.tag() == rrsig->key_tag && k.record.algorithm == rrsig->algorithm;
        });
        good = key != keys.keys().end();
        if (good && rrsig->algorithm == kFakeAlgorithm) {
          good = rrsig->signature == FakeSigner::make(key->record.public_key, message);
        } else if (good) {
          good = public_keys.at({rrsig->algorithm, rrsig->key_tag}).verify(message, rrsig->signature);
        }
      }
      if (!good) text += "  bad signature over " + line_of(set) + "\n";
    }
  }
  return text;
}

inline std::unique_ptr<zone::Signer> signer(KeySet keys, const SigningPolicy& policy) {
  auto made = make_signer(std::move(keys), policy);
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? std::move(*made) : nullptr;
}

}  // namespace onoma::sign::testing
