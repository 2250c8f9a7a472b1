// Internal to sign: ZONEMD (RFC 8976) with the scheme SIMPLE. A signed zone gets its record in three steps: a
// placeholder that takes its place in the denial chain, the signatures, and then the digest over all of them,
// which is put into the record and signed. The gate has code of its own to check it with.
#pragma once

#include <cstdint>
#include <variant>

#include "crypto/digest.h"
#include "sign/set_signer.h"
#include "zone/snapshot.h"

namespace onoma::sign {

// The digest over the records of a zone. Sets come in canonical order of owners (NSEC3's among them), those
// of one owner by type; data in canonical order. The apex's ZONEMD is left out by itself.
class ZoneDigest {
 public:
  ZoneDigest(wire::NameView apex, ZonemdHash hash);
  // `Datas`: a range of ByteView or Bytes.
  template <class Datas>
  void add(wire::NameView owner, wire::RRType type, std::uint32_t ttl, const Datas& datas,
           const Datas& signatures) {
    begin_set(owner, type);
    if (is_zonemd_) return;
    for (const auto& data : datas) add_data(type, ttl, data);
    for (const auto& signature : signatures) add_signature(ttl, signature);
  }
  Bytes finish();

 private:
  void begin_set(wire::NameView owner, wire::RRType type);
  void add_data(wire::RRType type, std::uint32_t ttl, ByteView data);
  void add_signature(std::uint32_t ttl, ByteView data);
  void end_owner();

  wire::Name apex_;
  std::variant<crypto::Sha384Stream, crypto::Sha512Stream> stream_;
  Bytes owner_;  // in lower case
  bool is_apex_ = false, is_zonemd_ = false;
  std::vector<std::pair<Bytes, std::uint32_t>> signatures_;  // of the owner's sets: data and TTL
  Bytes behind_;  // the owner's records whose type is above RRSIG's: signatures come before them
  Bytes record_;
};

Bytes zone_digest(const zone::Snapshot& zone, ZonemdHash hash);

// The record with the digest, or a placeholder of the same size where `digest` is empty.
wire::RRset zonemd_set(const wire::Name& apex, std::uint32_t serial, std::uint32_t ttl, ZonemdHash hash,
                       ByteView digest = {});

// Puts the digest of the version that `diff` makes of `before` into its ZONEMD record and signs that, if the
// policy wants one. Costs a walk over the zone. Errors: corrupt, internal.
Result<void> complete_zonemd(const SetSigner& signer, const zone::Snapshot& before, zone::Diff& diff,
                             Time now);

}  // namespace onoma::sign
