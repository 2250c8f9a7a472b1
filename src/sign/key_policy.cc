#include "sign/key_policy.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace onoma::sign {

namespace {

using std::chrono::seconds;
constexpr seconds kLongest = std::chrono::days{3650};

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr Unit kUnits[] = {{'w', 604'800}, {'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}};

Result<bool> parse_flag(std::string_view word, std::string_view value) {
  if (value == "true" || value == "yes") return true;
  if (value == "false" || value == "no") return false;
  return fail(Code::bad_syntax, fmt::format("{} is true or false, not \"{}\"", word, value),
              std::string(word));
}

struct NamedAlgorithm {
  std::string_view name;
  crypto::Algorithm algorithm;
};
constexpr NamedAlgorithm kAlgorithmNames[] = {
    {"p256", crypto::Algorithm::ecdsa_p256},
    {"p384", crypto::Algorithm::ecdsa_p384},
    {"sm2", crypto::Algorithm::sm2sm3},
};
constexpr crypto::Algorithm kSigningAlgorithms[] = {
    crypto::Algorithm::rsasha256,  crypto::Algorithm::rsasha512, crypto::Algorithm::ecdsa_p256,
    crypto::Algorithm::ecdsa_p384, crypto::Algorithm::ed25519,   crypto::Algorithm::ed448,
    crypto::Algorithm::sm2sm3};

constexpr PolicyWord kWords[] = {
    {"layout", "ksk+zsk, or csk: one key for everything"},
    {"algorithm", "of the first keys of a zone, as ECDSAP256SHA256 or 13"},
    {"ksk-lifetime", "how long a KSK or CSK is used, as 365d; never: until somebody asks"},
    {"zsk-lifetime", "how long a ZSK is used, as 90d; never: until somebody asks"},
    {"dnskey-ttl", "TTL of DNSKEY, CDS and CDNSKEY"},
    {"propagation", "until the slowest secondary serves a new version"},
    {"safety", "added to every wait of a roll-over"},
    {"max-ttl", "the largest TTL that a zone may have had; larger ones that are there count anyway"},
    {"parent-propagation", "until the slowest server of the parent shows a new DS"},
    {"parent-ds-ttl", "TTL of the DS at the parent"},
    {"standby", "none, ksk, zsk or both: keys in the DNSKEY set for a roll that cannot wait"},
    {"manual", "no roll-over begins by itself"},
    {"re-sign",
     "time over which signatures follow a change of keys; 12d and above: at their ordinary renewal"},
    {"cds", "CDS and CDNSKEY: always, roll-over (only while the DS is to change) or never"},
    {"ds-digests", "digests of CDS: sha256, and sha384 or sm3 beside it"},
};

Result<void> set_period(seconds& to, std::string_view word, std::string_view value) {
  auto period = parse_period(value);
  if (!period) return fail_in(word, std::move(period).error());
  to = *period;
  return {};
}

Result<void> set_digests(SigningPolicy& signing, std::string_view value) {
  std::vector<DsDigest> digests;
  while (!value.empty()) {
    const auto end = std::min(value.find_first_of(", "), value.size());
    const auto name = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    if (name.empty()) continue;
    ONOMA_TRY(const auto digest, parse_digest(name));
    if (std::ranges::find(digests, digest) == digests.end()) digests.push_back(digest);
  }
  signing.cds_digests = std::move(digests);
  return {};
}

}  // namespace

KeyWaits waits_of(const KeyPolicy& keys, const SigningPolicy& signing, std::uint32_t max_ttl_s) {
  const auto margin = keys.propagation + keys.safety;
  return {.publish = margin + seconds{signing.dnskey_ttl_s},
          .zone = margin + std::max(keys.max_ttl, seconds{max_ttl_s}),
          .parent = keys.parent_propagation + keys.safety + keys.parent_ds_ttl,
          .resign = std::min(signing.resign_over, signing.validity - signing.refresh_lead)};
}

Result<void> check(const KeyPolicy& keys, const SigningPolicy& signing) {
  struct Row {
    std::string_view word;
    seconds value;
  };
  for (const auto& [word, value] :
       {Row{"ksk-lifetime", keys.ksk_lifetime}, Row{"zsk-lifetime", keys.zsk_lifetime},
        Row{"propagation", keys.propagation}, Row{"safety", keys.safety}, Row{"max-ttl", keys.max_ttl},
        Row{"parent-propagation", keys.parent_propagation}, Row{"parent-ds-ttl", keys.parent_ds_ttl}})
    if (value < seconds{0} || value > kLongest)
      return fail(Code::policy_refused, fmt::format("{} must be between 0 and ten years", word),
                  std::string(word));
  const auto waits = waits_of(keys, signing, 0);
  const auto zsk_roll = waits.publish + waits.resign + waits.zone;
  if (keys.zsk_lifetime != seconds{0} && keys.zsk_lifetime <= zsk_roll)
    return fail(
        Code::policy_refused,
        fmt::format("a ZSK that lives {} is replaced before the roll-over to it has ended; give it more "
                    "than {}, or shorten re-sign",
                    period_text(keys.zsk_lifetime), period_text(zsk_roll)),
        "zsk-lifetime");
  const auto ksk_roll = waits.publish + waits.parent + waits.resign + waits.zone;
  if (keys.ksk_lifetime != seconds{0} && keys.ksk_lifetime <= ksk_roll)
    return fail(
        Code::policy_refused,
        fmt::format("a KSK or CSK that lives {} is replaced before the roll-over to it has ended; give it "
                    "more than {}",
                    period_text(keys.ksk_lifetime), period_text(ksk_roll)),
        "ksk-lifetime");
  return {};
}

std::span<const PolicyWord> policy_words() {
  return kWords;
}

Result<void> set_word(KeyPolicy& keys, SigningPolicy& signing, std::string_view word,
                      std::string_view value) {
  if (word == "layout") {
    if (value != "ksk+zsk" && value != "csk")
      return fail(Code::bad_syntax, fmt::format("layout is ksk+zsk or csk, not \"{}\"", value), "layout");
    keys.layout = value == "csk" ? KeyLayout::csk : KeyLayout::ksk_and_zsk;
    return {};
  }
  if (word == "algorithm") {
    ONOMA_TRY(keys.algorithm, parse_algorithm(value));
    return {};
  }
  if (word == "ksk-lifetime") return set_period(keys.ksk_lifetime, word, value);
  if (word == "zsk-lifetime") return set_period(keys.zsk_lifetime, word, value);
  if (word == "dnskey-ttl") {
    seconds ttl{};
    ONOMA_TRY_VOID(set_period(ttl, word, value));
    if (ttl.count() < 1 || ttl > std::chrono::days{7})
      return fail(Code::out_of_range, "dnskey-ttl must be 1s to 7d", "dnskey-ttl");
    signing.dnskey_ttl_s = static_cast<std::uint32_t>(ttl.count());
    return {};
  }
  if (word == "propagation") return set_period(keys.propagation, word, value);
  if (word == "safety") return set_period(keys.safety, word, value);
  if (word == "max-ttl") return set_period(keys.max_ttl, word, value);
  if (word == "parent-propagation") return set_period(keys.parent_propagation, word, value);
  if (word == "parent-ds-ttl") return set_period(keys.parent_ds_ttl, word, value);
  if (word == "re-sign") return set_period(signing.resign_over, word, value);
  if (word == "standby") {
    if (value != "none" && value != "ksk" && value != "zsk" && value != "both")
      return fail(Code::bad_syntax, fmt::format("standby is none, ksk, zsk or both, not \"{}\"", value),
                  "standby");
    keys.standby_ksk = value == "ksk" || value == "both";
    keys.standby_zsk = value == "zsk" || value == "both";
    return {};
  }
  if (word == "manual") {
    ONOMA_TRY(keys.manual, parse_flag(word, value));
    return {};
  }
  if (word == "cds") {
    if (value != "always" && value != "roll-over" && value != "never")
      return fail(Code::bad_syntax, fmt::format("cds is always, roll-over or never, not \"{}\"", value),
                  "cds");
    signing.cds = value == "always"      ? CdsPolicy::always
                  : value == "roll-over" ? CdsPolicy::roll_over
                                         : CdsPolicy::never;
    return {};
  }
  if (word == "ds-digests") return set_digests(signing, value);
  return fail(Code::unknown_field, fmt::format("the key policy has no word \"{}\"", word), std::string(word));
}

Result<seconds> parse_period(std::string_view text) {
  const auto wrong = [text] {
    return fail(Code::bad_syntax,
                fmt::format("\"{}\" is no period; write it as 90d, 36h, 1d12h, 30m, 45s or never", text));
  };
  if (text == "never" || text == "0") return seconds{0};
  if (text.empty() || text.size() > 30) return wrong();
  seconds sum{0};
  while (!text.empty()) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto read = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || read == text.size() || number > 400'000'000) return wrong();
    const auto unit = std::ranges::find(kUnits, text[read], &Unit::letter);
    if (unit == std::end(kUnits)) return wrong();
    sum += seconds{number * unit->seconds};
    text.remove_prefix(read + 1);
  }
  return sum;
}

std::string period_text(seconds period) {
  if (period == seconds{0}) return "never";
  std::string out;
  auto left = period.count();
  for (const auto& unit : kUnits) {
    if (unit.letter == 'w' || left / unit.seconds == 0) continue;
    out += fmt::format("{}{}", left / unit.seconds, unit.letter);
    left %= unit.seconds;
  }
  return out;
}

Result<crypto::Algorithm> parse_algorithm(std::string_view text) {
  const auto wanted = lower(text);
  for (const auto& [name, algorithm] : kAlgorithmNames)
    if (wanted == name) return algorithm;
  for (const auto algorithm : kSigningAlgorithms)
    if (wanted == lower(crypto::mnemonic(algorithm)) ||
        wanted == std::to_string(static_cast<unsigned>(algorithm)))
      return algorithm;
  std::string known;
  for (const auto algorithm : kSigningAlgorithms)
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", crypto::mnemonic(algorithm),
                         static_cast<unsigned>(algorithm));
  return fail(Code::bad_syntax,
              fmt::format("\"{}\" is no algorithm that zones are signed with; use one of {}", text, known),
              "algorithm");
}

std::string algorithm_text(std::uint8_t number) {
  const auto algorithm = crypto::algorithm_from(number);
  return algorithm ? std::string(crypto::mnemonic(*algorithm)) : std::to_string(number);
}

std::string_view digest_text(DsDigest digest) {
  switch (digest) {
    case DsDigest::sha256:
      return "sha256";
    case DsDigest::sha384:
      return "sha384";
    case DsDigest::sm3:
      break;
  }
  return "sm3";
}

Result<DsDigest> parse_digest(std::string_view text) {
  for (const auto digest : {DsDigest::sha256, DsDigest::sha384, DsDigest::sm3})
    if (lower(text) == digest_text(digest)) return digest;
  return fail(Code::bad_syntax, fmt::format("\"{}\" is no digest of a DS; use sha256, sha384 or sm3", text));
}

}  // namespace onoma::sign
