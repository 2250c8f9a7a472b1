#include "sign/policy.h"

#include <algorithm>

#include <fmt/format.h>

namespace onoma::sign {

namespace {
// A hash of 32 characters and its length octet must fit in front of the apex (RFC 5155 §3).
constexpr std::size_t kNsec3LabelOctets = 33;
}  // namespace

Result<void> check(const SigningPolicy& policy, wire::NameView apex) {
  using std::chrono::seconds;
  if (policy.denial == zone::Denial::none)
    return fail(Code::policy_refused, "a signed zone needs NSEC or NSEC3; choose one", "denial");
  if (policy.opt_out && policy.denial != zone::Denial::nsec3)
    return fail(Code::policy_refused, "opt-out exists with NSEC3 only; choose NSEC3 or leave opt-out off",
                "opt_out");
  if (policy.denial == zone::Denial::nsec3 && apex.size() + kNsec3LabelOctets > wire::kMaxNameOctets)
    return fail(Code::policy_refused,
                fmt::format("the zone name {} is too long for NSEC3 ({} octets, at most {}); use NSEC",
                            apex.text(), apex.size(), wire::kMaxNameOctets - kNsec3LabelOctets),
                "denial");
  if (policy.refresh_lead <= seconds{0})
    return fail(Code::policy_refused, "the refresh lead must be longer than nothing", "refresh_lead");
  // The period between two allowed expirations is validity − lead; an hour keeps re-signing from becoming
  // constant.
  if (policy.validity < policy.refresh_lead + std::chrono::hours{1})
    return fail(Code::policy_refused, "signatures must live at least an hour longer than the refresh lead",
                "validity");
  if (policy.dnskey_validity < policy.refresh_lead + std::chrono::hours{1})
    return fail(Code::policy_refused,
                "DNSKEY signatures must live at least an hour longer than the refresh lead",
                "dnskey_validity");
  // Times in RRSIG wrap at 32 bits; half of that is the farthest that can be compared (RFC 4034 §3.1.5).
  if (policy.validity > std::chrono::years{10} || policy.dnskey_validity > std::chrono::years{10})
    return fail(Code::policy_refused, "signatures must not live longer than ten years", "validity");
  if (policy.inception_offset < seconds{0} || policy.inception_offset > std::chrono::days{7})
    return fail(Code::policy_refused, "the inception offset must be between 0 and 7 days",
                "inception_offset");
  if (policy.resign_over < seconds{0})
    return fail(Code::policy_refused, "signatures are made anew over a time that is not negative",
                "resign_over");
  // Validators that know neither SM3 nor SHA-384 must find one that they know.
  if (policy.cds != CdsPolicy::never &&
      std::ranges::find(policy.cds_digests, DsDigest::sha256) == policy.cds_digests.end())
    return fail(Code::policy_refused, "CDS needs the digest SHA-256, beside others or alone", "cds_digests");
  if (policy.dnskey_ttl_s > 0x7fffffffU)
    return fail(Code::policy_refused, "the TTL must be below 2^31", "dnskey_ttl_s");
  return {};
}

std::string expiry_warning(const SigningPolicy& policy, std::uint32_t soa_expire_s) {
  const auto needed = std::chrono::seconds{soa_expire_s} + std::chrono::days{1};
  if (policy.refresh_lead >= needed) return {};
  return fmt::format(
      "signatures are renewed {} s before they expire, but a secondary serves an old zone for {} s (SOA "
      "expire); "
      "raise refresh_lead to {} s or lower SOA expire",
      policy.refresh_lead.count(), soa_expire_s, needed.count());
}

}  // namespace onoma::sign
