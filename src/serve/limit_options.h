// Settings of the limiter and the words it shares with its callers. Plain values, read once when a Limiter is
// made; what they mean for an operator stands in docs/guides/under-attack.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace onoma::serve {

// What an answer says, as far as limits go. Known after the look-up, before anything is proved or written.
enum class ResponseClass : std::uint8_t {
  positive,  // the name has what was asked
  nodata,    // the name exists, the type does not
  wildcard,  // made from a wildcard: any name below the encloser gives it
  referral,  // any name below the cut gives it
  nxdomain,  // any other name below the encloser gives it
  error,     // REFUSED, FORMERR, NOTIMP, SERVFAIL, BADVERS
};
inline constexpr std::size_t kResponseClasses = 6;

enum class LimitMode : std::uint8_t {
  off,
  dry_run,  // everything is counted and reported, nothing is withheld
  on,
};

// Rates are answers a second of the whole server; a Limiter takes its worker's share. 0: no limit.
struct LimitOptions {
  LimitMode mode = LimitMode::off;
  std::uint32_t workers = 1;  // that share the traffic evenly

  // The same answer to one address, in the order of ResponseClass. "The same" is: of the same name (positive,
  // nodata), of the same wildcard, cut or encloser, or any error. Networks of addresses get multiples, see
  // limit_rate.h.
  std::array<std::uint32_t, kResponseClasses> per_s{200, 200, 200, 200, 200, 50};
  std::uint32_t slip = 2;  // one of so many withheld answers leaves as an empty one with TC; 0: none

  // Distinct names below one encloser or cut that have nothing of their own: more of them a second are a
  // flood. As many answers about them still leave a second. 0: floods are not looked for.
  std::uint32_t flood_names_per_s = 1000;
  std::uint32_t flood_source_per_s = 10;  // of those one address may still have answered during a flood
  std::uint32_t flood_slip = 16;

  // An address with more withheld answers a second than this, and nearly no others, is dropped before the
  // look-up. 0: none is.
  std::uint32_t shed_per_s = 2000;

  // Memory of one Limiter, beside 64 KiB; all are rounded up to powers of two.
  std::size_t counter_octets = 1 << 20;  // 8 octets a counter
  std::size_t enclosers = 256;           // watched at a time, 256 octets each
  std::size_t known_names = 1 << 16;     // 4 octets each
  std::size_t known_peers = 1 << 18;     // 4 octets each
};

}  // namespace onoma::serve
