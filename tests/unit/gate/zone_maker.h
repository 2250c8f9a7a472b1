// A signer for the tests of the gate: slow, simple, and as far from both `sign` and `gate` as can be.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sign.h"
#include "zone/snapshot.h"

namespace onoma::gate::testing {

using wire::Name;
using wire::NameView;
using wire::RRset;
using wire::RRType;

enum class Mode { nsec, nsec3, opt_out };
inline constexpr std::uint32_t kNow = 1'700'000'000;

Name name(std::string_view text);

struct TestKey {
  crypto::PrivateKey key;
  std::uint16_t flags;
  Bytes dnskey;
  std::uint16_t tag;
  static TestKey make(std::uint16_t flags, crypto::Algorithm algorithm);
};
const TestKey& ksk();
const TestKey& zsk();
const TestKey& other_key();  // P-256, in no zone unless a test puts it there
const TestKey& ed_key();     // Ed25519

// What an RRSIG says; tests bend the fields.
struct SignAs {
  std::uint32_t inception = kNow - 3600, expiration = kNow + 864'000;
  int labels_more = 0;
  std::uint16_t tag_more = 0;
  std::uint32_t ttl_more = 0;
  RRType covered_instead{};
  Name signer = name("tld.");
};
Bytes rrsig(const RRset& set, const TestKey& key, const SignAs& as = {});

// owner → type → set
using Sets = std::map<Name, std::map<RRType, RRset>>;

struct Maker {
  Name apex = name("tld.");
  Mode mode = Mode::nsec;
  std::uint32_t serial = 1;
  std::vector<const TestKey*> zone_keys{&zsk()};
  std::vector<const TestKey*> key_keys{&ksk()};
  Sets content;

  // "owner TTL TYPE data", owner and names relative to the apex; several lines make a set.
  void add(std::string_view line);
  void remove(std::string_view owner, RRType type);
  void add_basics();  // the zone most tests use
  Sets signed_sets() const;
  void sign(RRset& set) const;  // with the keys that sign such a set
  zone::SnapshotPtr build() const;
};

zone::SnapshotPtr build(const Name& apex, const Sets& sets);
Bytes bitmap(std::vector<std::uint16_t> types);

}  // namespace onoma::gate::testing
