#include "resolve/dnssec_check.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "crypto/digest.h"
#include "wire/dnssec.h"
#include "wire/rdata.h"

namespace onoma::resolve {
namespace {

constexpr std::uint16_t kZoneKey = 0x0100, kRevoked = 0x0080, kSep = 0x0001;
constexpr std::uint8_t kSha256 = 2;

struct StatusText {
  std::string_view token, text;
};
constexpr std::array<StatusText, 7> kTexts = {{
    {"verified", "signed, verified here"},
    {"unsigned", "unsigned"},
    {"unsupported", "signed with an algorithm that is not checked here"},
    {"not-yet-valid", "signed, not yet valid"},
    {"expired", "signed, expired"},
    {"missing", "the signature is missing"},
    {"bogus", "the signature does not fit"},
}};

std::string ds_text(wire::NameView owner, ByteView rdata, const wire::Dnskey& key) {
  Bytes input;
  append(input, wire::Name(owner).lower().wire());
  append(input, rdata);
  Bytes ds;
  ByteWriter out(ds);
  out.u16(wire::key_tag(rdata));
  out.u8(key.algorithm);
  out.u8(kSha256);
  out.bytes(crypto::sha256(input));
  return wire::rdata_text(wire::RRType::DS, ds);
}

}  // namespace

std::string_view text(SignatureStatus status) {
  return kTexts[static_cast<std::size_t>(status)].text;
}

std::string_view token(SignatureStatus status) {
  return kTexts[static_cast<std::size_t>(status)].token;
}

ZoneKeys::ZoneKeys(const zone::Snapshot& snapshot) : apex_(snapshot.facts().apex) {
  const auto set = snapshot.apex().find(wire::RRType::DNSKEY);
  if (!set) return;
  dnskeys_ = set->copy(apex_);
  for (const auto& rdata : dnskeys_->rdatas) {
    const auto read = wire::Dnskey::read(rdata);
    if (!read || (read->flags & kZoneKey) == 0) continue;
    Key key{wire::key_tag(rdata), read->flags, read->algorithm, {}};
    if (const auto algorithm = crypto::algorithm_from(read->algorithm))
      if (auto made = crypto::PublicKey::from_dnskey(*algorithm, read->public_key))
        key.key = *std::move(made);
    keys_.push_back(std::move(key));
    if ((read->flags & kSep) != 0 && (read->flags & kRevoked) == 0)
      ds_texts_.push_back(ds_text(apex_, rdata, *read));
  }
}

SignatureStatus ZoneKeys::check_one(const wire::RRset& set, ByteView signature, Time now,
                                    bool sep_only) const {
  const auto rrsig = wire::Rrsig::read(signature);
  if (!rrsig || rrsig->covered != set.type || !(rrsig->signer == apex_) ||
      rrsig->labels > wire::rrsig_labels(set.owner))
    return SignatureStatus::bogus;
  auto status = SignatureStatus::bogus;
  for (const auto& key : keys_) {
    if (key.tag != rrsig->key_tag || key.algorithm != rrsig->algorithm) continue;
    if (sep_only && (key.flags & kSep) == 0) continue;
    if (!key.key) {
      status = SignatureStatus::unsupported;
      continue;
    }
    if (!key.key->verify(wire::signature_input(*rrsig, set), rrsig->signature)) continue;
    const auto seconds = static_cast<std::uint32_t>(unix_seconds(now));  // serial arithmetic, RFC 4034 §3.1.5
    if (wire::serial_newer(rrsig->inception, seconds)) return SignatureStatus::not_yet_valid;
    if (wire::serial_newer(seconds, rrsig->expiration)) return SignatureStatus::expired;
    return SignatureStatus::verified;
  }
  return status;
}

SignatureStatus ZoneKeys::best(const wire::RRset& set, Time now, bool sep_only) const {
  if (keys_.empty()) return SignatureStatus::unsigned_zone;
  if (set.signatures.empty()) return SignatureStatus::missing;
  auto status = SignatureStatus::bogus;
  for (const auto& signature : set.signatures)
    status = std::min(status, check_one(set, signature, now, sep_only));
  return status;
}

SignatureStatus ZoneKeys::own_status(Time now) const {
  return dnskeys_ && is_signed() ? best(*dnskeys_, now, true) : SignatureStatus::unsigned_zone;
}

SignatureStatus ZoneKeys::check(const wire::RRset& set, Time now) const {
  return best(set, now, false);
}

}  // namespace onoma::resolve
