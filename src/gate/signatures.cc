// Who must have signed what, and whether they did (RFC 4035 §2.2, §5.3).
#include <algorithm>

#include <fmt/format.h>

#include "base/time.h"
#include "crypto/digest.h"
#include "gate/check.h"

namespace onoma::gate {
namespace {

// a - b in the circle of 32-bit seconds (RFC 4034 §3.1.5).
std::int32_t apart(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b);
}

// RRSIG times are Unix time modulo 2^32; this century's are meant.
std::string when(std::uint32_t seconds) {
  return iso8601(from_unix_seconds(seconds));
}

std::size_t labels_to_sign(NameView owner) {
  return owner.label_count() - (owner.is_wildcard() ? 1 : 0);
}

void check_times(Check& check, NameView owner, RRType type, const Rrsig& rrsig) {
  auto& findings = check.findings;
  if (apart(rrsig.inception, check.now) > 0)
    findings.fatal(owner, fmt::format("RRSIG over {} holds only from {} on, which is later than now ({})",
                                      subject(owner, type), when(rrsig.inception), when(check.now)));
  if (apart(rrsig.expiration, rrsig.inception) <= 0)
    findings.fatal(owner, fmt::format("RRSIG over {} expires ({}) before it begins ({})",
                                      subject(owner, type), when(rrsig.expiration), when(rrsig.inception)));
  const auto remaining = apart(rrsig.expiration, check.now);
  if (remaining < 0)
    findings.report(check.options.expired_is_fatal, owner,
                    fmt::format("RRSIG over {} expired at {}, {} s ago", subject(owner, type),
                                when(rrsig.expiration), -std::int64_t{remaining}));
  else if (std::int64_t{remaining} < std::int64_t{check.options.min_remaining_s})
    findings.report(check.options.short_is_fatal, owner,
                    fmt::format("RRSIG over {} expires in {} s, less than the {} s wanted",
                                subject(owner, type), remaining, check.options.min_remaining_s));
}

// The digest of a DS record over a key; nullopt for digest types that cannot be computed.
std::optional<Bytes> ds_digest(std::uint8_t type, NameView apex, const Key& key) {
  Bytes input;
  append_lower(input, apex);
  append(input, key.data);
  auto bytes = [](const auto& digest) { return Bytes(digest.begin(), digest.end()); };
  switch (type) {
    case 1:
      return bytes(crypto::sha1(input));
    case 2:
      return bytes(crypto::sha256(input));
    case 4:
      return bytes(crypto::sha384(input));
    case 6:  // RFC 9563
      return bytes(crypto::sm3(input));
    default:
      return std::nullopt;
  }
}

bool ds_matches(ByteView ds, NameView apex, const Key& key) {
  if (ds.size() < 5 || load_u16(ds.data()) != key.tag || ds[2] != key.algorithm) return false;
  const auto digest = ds_digest(ds[3], apex, key);
  return digest && equal(*digest, ds.subspan(4));
}

}  // namespace

void check_signatures(Check& check, NameView owner, const RRsetView& set, bool octets) {
  auto& findings = check.findings;
  const auto type = set.type();
  std::vector<Bytes> canonical;
  std::vector<std::uint8_t> covered;
  for (auto data : set.signatures()) {
    const auto rrsig = Rrsig::read(data);
    if (!rrsig) {
      findings.fatal(owner, fmt::format("RRSIG over {} cannot be read", subject(owner, type)));
      continue;
    }
    if (rrsig->covered != type) {
      findings.fatal(owner, fmt::format("RRSIG at {} is kept with {} but covers {}", owner.text(),
                                        wire::type_text(type), wire::type_text(rrsig->covered)));
      continue;
    }
    bool usable = true;
    if (!same_name(rrsig->signer, check.apex)) {
      findings.fatal(owner, fmt::format("RRSIG over {} names {} as its signer instead of {}",
                                        subject(owner, type), rrsig->signer.text(), check.apex.text()));
      usable = false;
    }
    if (rrsig->labels != labels_to_sign(owner)) {
      findings.fatal(owner, fmt::format("RRSIG over {} has {} in its labels field instead of {}",
                                        subject(owner, type), rrsig->labels, labels_to_sign(owner)));
      usable = false;
    }
    if (rrsig->original_ttl != set.ttl())
      findings.report(!check.options.foreign || rrsig->original_ttl < set.ttl(), owner,
                      fmt::format("RRSIG over {} has the original TTL {}, the set has {}",
                                  subject(owner, type), rrsig->original_ttl, set.ttl()));
    check_times(check, owner, type, *rrsig);
    auto keys = check.keys.find(rrsig->tag, rrsig->algorithm);
    if (keys.empty()) {
      // Not fatal by itself: in an algorithm roll signatures come before their key (RFC 6781 §4.1.4).
      findings.warning(
          owner, fmt::format("RRSIG over {} is by key {} of algorithm {}, which is not in the DNSKEY set",
                             subject(owner, type), rrsig->tag, rrsig->algorithm));
      continue;
    }
    if (!usable) continue;
    // A revoked key signs the key set it stands in and nothing else (RFC 5011 §2.1).
    const bool all_revoked = std::ranges::all_of(keys, [](const Key* key) { return key->is_revoked(); });
    if (!all_revoked) covered.push_back(rrsig->algorithm);
    const bool checkable = std::ranges::any_of(keys, [](const Key* key) { return key->key.has_value(); });
    if (!octets || !checkable) continue;
    if (canonical.empty()) canonical = canonical_set(type, set.rdatas());
    Bytes message;
    signed_octets(*rrsig, owner, type, canonical, message);
    check.queue.add(std::move(keys), std::move(message), rrsig->signature, owner, type);
  }
  if (set.signatures().empty()) {
    findings.fatal(owner, fmt::format("{} is not signed", subject(owner, type)));
    return;
  }
  for (auto algorithm : check.keys.algorithms())
    if (std::ranges::find(covered, algorithm) == covered.end())
      findings.fatal(owner, fmt::format("{} has no RRSIG of algorithm {}, which is in the DNSKEY set",
                                        subject(owner, type), algorithm));
}

void check_signed(Check& check, const NodeView& node, const Place& place, const std::vector<RRType>* only) {
  const auto owner = node.owner();
  for (std::size_t i = 0; i < node.size(); ++i) {
    const auto set = node.at(i);
    const auto type = set.type();
    if (type == RRType::RRSIG) {
      for (auto data : set.rdatas())
        check.findings.fatal(
            owner,
            fmt::format("RRSIG at {} covers {}, and there is no such set", owner.text(),
                        data.size() < 2 ? std::string("nothing")
                                        : wire::type_text(static_cast<RRType>(load_u16(data.data())))));
      continue;
    }
    const bool must = place.standing == Standing::authoritative ||
                      (place.standing == Standing::cut && (type == RRType::DS || type == RRType::NSEC));
    if (must) {
      check_signatures(check, owner, set, only == nullptr || std::ranges::find(*only, type) != only->end());
    } else if (!set.signatures().empty()) {
      const char* why =
          place.standing == Standing::cut ? "belongs to the delegated zone" : "is not authoritative here";
      check.findings.fatal(owner,
                           fmt::format("{} is signed, but {}: remove its RRSIG", subject(owner, type), why));
    }
  }
}

void check_keys(Check& check) {
  auto& findings = check.findings;
  const auto apex = check.apex;
  const auto set = check.zone.apex().find(RRType::DNSKEY);
  if (!set) return;
  for (auto data : set->rdatas()) {
    if (data.size() < 5 || data[2] != 3)
      findings.fatal(apex, fmt::format("a DNSKEY at {} is malformed (protocol must be 3)", apex.text()));
  }
  if (check.keys.algorithms().empty()) {
    findings.fatal(apex, fmt::format("the DNSKEY set of {} holds no zone key", apex.text()));
    return;
  }
  for (const auto& key : check.keys.keys()) {
    const auto same = check.keys.find(key.tag, key.algorithm).size();
    if (same > 3)
      findings.fatal(apex,
                     fmt::format("{} keys of {} have the tag {}; at most 3 may", same, apex.text(), key.tag));
    if (key.key) continue;
    if (crypto::algorithm_from(key.algorithm))
      findings.fatal(apex, fmt::format("DNSKEY {} of {} is no key of algorithm {}", key.tag, apex.text(),
                                       key.algorithm));
    else
      findings.warning(apex,
                       fmt::format("signatures of algorithm {} (DNSKEY {} of {}) cannot be checked here",
                                   key.algorithm, key.tag, apex.text()));
  }

  if (std::ranges::none_of(check.keys.keys(), [](const Key& key) { return key.key.has_value(); }))
    findings.fatal(
        apex, fmt::format("no signature of {} can be checked: none of its keys is usable here", apex.text()));

  // Self-signed: by a key with the SEP flag where there are such keys; otherwise any zone key will do.
  const auto canonical = canonical_set(RRType::DNSKEY, set->rdatas());
  std::vector<const Key*> signers;
  for (auto data : set->signatures()) {
    const auto rrsig = Rrsig::read(data);
    if (!rrsig || rrsig->covered != RRType::DNSKEY || !same_name(rrsig->signer, apex)) continue;
    Bytes message;
    signed_octets(*rrsig, apex, RRType::DNSKEY, canonical, message);
    for (const auto* key : check.keys.find(rrsig->tag, rrsig->algorithm))
      if (!key->is_revoked() && (!key->key || key->key->verify(message, rrsig->signature)))
        signers.push_back(key);
  }
  const bool has_entry = std::ranges::any_of(check.keys.keys(), [](const Key& key) {
    return key.is_entry_point() && key.is_zone_key() && !key.is_revoked();
  });
  const bool by_entry = std::ranges::any_of(signers, [](const Key* key) { return key->is_entry_point(); });
  if (signers.empty())
    findings.fatal(apex, fmt::format("the DNSKEY set of {} is not signed by any of its keys", apex.text()));
  else if (has_entry && !by_entry)
    findings.report(
        !check.options.foreign, apex,
        fmt::format("the DNSKEY set of {} is not signed by any of its keys with the SEP flag", apex.text()));
  if (check.options.parent_ds.empty()) return;
  const bool trusted = std::ranges::any_of(check.options.parent_ds, [&](const Bytes& ds) {
    return std::ranges::any_of(signers, [&](const Key* key) { return ds_matches(ds, apex, *key); });
  });
  if (!trusted)
    findings.fatal(
        apex, fmt::format("no DS at the parent of {} matches a key that signs its DNSKEY set", apex.text()));
}

}  // namespace onoma::gate
