// Mnemonics inside record data. Internal to wire.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wire/text.h"

namespace onoma::wire::detail {

struct Word {
  std::string_view text;
  std::uint16_t value;
};

// IANA, "DNS Security Algorithm Numbers".
inline constexpr Word kAlgorithms[] = {{"RSAMD5", 1},
                                       {"DH", 2},
                                       {"DSA", 3},
                                       {"RSASHA1", 5},
                                       {"DSA-NSEC3-SHA1", 6},
                                       {"NSEC3DSA", 6},
                                       {"RSASHA1-NSEC3-SHA1", 7},
                                       {"NSEC3RSASHA1", 7},
                                       {"RSASHA256", 8},
                                       {"RSASHA512", 10},
                                       {"ECC-GOST", 12},
                                       {"ECDSAP256SHA256", 13},
                                       {"ECDSAP384SHA384", 14},
                                       {"ED25519", 15},
                                       {"ED448", 16},
                                       {"SM2SM3", 17},
                                       {"ECC-GOST12", 23},
                                       {"INDIRECT", 252},
                                       {"PRIVATEDNS", 253},
                                       {"PRIVATEOID", 254}};
// RFC 4398 §2.1.
inline constexpr Word kCertTypes[] = {{"PKIX", 1}, {"SPKI", 2},   {"PGP", 3},     {"IPKIX", 4}, {"ISPKI", 5},
                                      {"IPGP", 6}, {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}};
// RFC 9859 §2.
inline constexpr Word kDsyncSchemes[] = {{"NOTIFY", 1}};
// The services that old WKS records name.
inline constexpr Word kProtocols[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}};
inline constexpr Word kPorts[] = {{"ftp", 21},   {"ssh", 22},    {"telnet", 23}, {"smtp", 25},
                                  {"time", 37},  {"domain", 53}, {"tftp", 69},   {"finger", 79},
                                  {"http", 80},  {"pop3", 110},  {"nntp", 119},  {"ntp", 123},
                                  {"imap", 143}, {"snmp", 161},  {"https", 443}};

// A word of the list or a number up to `max`.
inline std::optional<std::uint16_t> parse_word(std::string_view text, std::span<const Word> words,
                                               std::uint64_t max) {
  for (const Word& word : words)
    if (equal_ignoring_case(text, word.text)) return word.value;
  auto value = parse_number(text, max);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

inline void append_word(std::string& out, std::span<const Word> words, std::uint16_t value) {
  for (const Word& word : words) {
    if (word.value != value) continue;
    out += word.text;
    return;
  }
  append_number(out, value);
}

}  // namespace onoma::wire::detail
