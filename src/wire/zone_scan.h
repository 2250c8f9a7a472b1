// The octets of zone text that mean something to a scanner, found 64 at a time (RFC 1035 §5.1). One
// algorithm, a kernel per instruction set, and a scalar twin that says what all of them must say. Internal to
// wire; pure functions.
#pragma once

#include <cstdint>

#include "wire/zonefile.h"

namespace onoma::wire::detail {

inline constexpr std::size_t kBlockOctets = 64;

// Bit i tells of octet i.
struct BlockMasks {
  std::uint64_t blank = 0;    // space, tab
  std::uint64_t newline = 0;  // line feed
  std::uint64_t stop = 0;     // line feed ; ( ) " \ and carriage return: where a plain run of words ends
};

// Reads exactly kBlockOctets.
using ClassifyBlock = BlockMasks (*)(const char* block);

// Null for ZoneScan::careful. A kernel that this machine cannot run is replaced by the next slower one.
ClassifyBlock classifier(ZoneScan scan);

}  // namespace onoma::wire::detail
