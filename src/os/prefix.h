// Prefix: an IPv4 or IPv6 network, such as 192.0.2.0/24. PrefixList: a short list of them, for the settings
// that name peers. Plain values, any thread; no look-up allocates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace onoma::os {

class Prefix {
 public:
  // "192.0.2.0/24", "2001:db8::/32", or a bare address, which means itself alone. Bits behind the length must
  // be zero: 192.0.2.1/24 is more often a slip than a wish.
  static Result<Prefix> parse(std::string_view text);
  // The network of `bits` bits around an address of 4 or 16 octets; nullopt for other sizes or too many bits.
  static std::optional<Prefix> around(ByteView address, unsigned bits) noexcept;

  bool contains(ByteView address) const noexcept;  // an address of the other family is never in it
  bool is_v6() const noexcept { return v6_; }
  unsigned bits() const noexcept { return bits_; }
  ByteView address() const noexcept { return ByteView(octets_).first(v6_ ? 16 : 4); }
  std::string text() const;
  friend bool operator==(const Prefix&, const Prefix&) = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
  std::uint8_t bits_ = 0;
  bool v6_ = false;
};

// Looked through from one end to the other: for a few dozen entries.
class PrefixList {
 public:
  PrefixList() = default;
  explicit PrefixList(std::vector<Prefix> prefixes) : prefixes_(std::move(prefixes)) {}
  static Result<PrefixList> parse(const std::vector<std::string>& texts);
  bool empty() const noexcept { return prefixes_.empty(); }
  bool contains(ByteView address) const noexcept;
  const std::vector<Prefix>& all() const noexcept { return prefixes_; }

 private:
  std::vector<Prefix> prefixes_;
};

}  // namespace onoma::os
