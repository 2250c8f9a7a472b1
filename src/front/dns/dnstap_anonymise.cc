#include "front/dns/dnstap_anonymise.h"

#include <algorithm>

namespace onoma::front {
namespace {

constexpr std::size_t kHeaderOctets = 12;
constexpr std::uint16_t kOpt = 41, kClientSubnet = 8, kCookie = 10;
constexpr unsigned kMostRecords = 4096;  // fewer than fit into a message of more than the smallest records

// Moves `at` behind a name; pointers are not followed.
bool skip_name(ByteView message, std::size_t& at) {
  while (at < message.size()) {
    const auto length = message[at];
    if (length == 0) return ++at, true;
    if ((length & 0xc0) == 0xc0) return (at += 2) <= message.size();
    if ((length & 0xc0) != 0) return false;
    at += 1U + length;
  }
  return false;
}

void zero(MutableBytes octets) {
  std::fill(octets.begin(), octets.end(), std::uint8_t{0});
}

}  // namespace

void Anonymiser::hide_address(MutableBytes address) {
  if (how_ == Anonymity::none) return;
  if (address.size() != 4 && address.size() != 16) return zero(address);
  if (how_ == Anonymity::cut) return zero(address.subspan(address.size() == 4 ? 3 : 6));
  auto& known = known_[crypto::siphash24(key_, address) % known_.size()];
  if (known.octets != address.size() || !std::equal(address.begin(), address.end(), known.from.begin())) {
    known.octets = static_cast<std::uint8_t>(address.size());
    std::copy(address.begin(), address.end(), known.from.begin());
    permute(address);
    std::copy(address.begin(), address.end(), known.to.begin());
  } else {
    std::copy_n(known.to.begin(), address.size(), address.begin());
  }
}

void Anonymiser::permute(MutableBytes address) const {
  // The bits before bit i, their number, and the family.
  std::array<std::uint8_t, 18> before{};
  before[17] = static_cast<std::uint8_t>(address.size());
  std::array<std::uint8_t, 16> turned{};
  for (std::size_t i = 0; i < address.size() * 8; ++i) {
    before[16] = static_cast<std::uint8_t>(i);
    const auto mask = static_cast<std::uint8_t>(0x80U >> i % 8);
    if ((crypto::siphash24(key_, before) & 1U) != 0) turned[i / 8] |= mask;
    before[i / 8] = static_cast<std::uint8_t>(before[i / 8] | (address[i / 8] & mask));
  }
  for (std::size_t i = 0; i < address.size(); ++i) address[i] ^= turned[i];
}

bool Anonymiser::hide_in_message(MutableBytes message) {
  if (how_ == Anonymity::none) return true;
  if (message.size() < kHeaderOctets) return false;
  std::size_t at = kHeaderOctets;
  for (unsigned i = load_u16(&message[4]); i > 0; --i) {
    if (!skip_name(message, at) || message.size() - at < 4) return false;
    at += 4;
  }
  const auto records = unsigned{load_u16(&message[6])} + load_u16(&message[8]) + load_u16(&message[10]);
  if (records > kMostRecords) return false;
  for (unsigned i = 0; i < records; ++i) {
    if (!skip_name(message, at) || message.size() - at < 10) return false;
    const auto type = load_u16(&message[at]);
    const std::size_t size = load_u16(&message[at + 8]);
    at += 10;
    if (message.size() - at < size) return false;
    if (type == kOpt && !hide_options(message.subspan(at, size))) return false;
    at += size;
  }
  return at == message.size();
}

bool Anonymiser::hide_options(MutableBytes options) {
  while (!options.empty()) {
    if (options.size() < 4) return false;
    const auto code = load_u16(options.data());
    const std::size_t size = load_u16(options.data() + 2);
    if (options.size() - 4 < size) return false;
    if (code == kCookie) zero(options.subspan(4, size));
    if (code == kClientSubnet) hide_subnet(options.subspan(4, size));
    options = options.subspan(4 + size);
  }
  return true;
}

// Family, two prefix lengths, and as many octets of address as the first of them needs.
void Anonymiser::hide_subnet(MutableBytes option) {
  if (option.size() <= 4) return;
  const auto address = option.subspan(4);
  std::array<std::uint8_t, 16> full{};
  const std::size_t octets = load_u16(option.data()) == 1 ? 4 : 16;
  if (address.size() > octets) return zero(address);
  std::copy(address.begin(), address.end(), full.begin());
  hide_address(MutableBytes(full).first(octets));
  std::copy_n(full.begin(), address.size(), address.begin());
  // Bits behind the prefix must stay zero (RFC 7871 §6).
  if (const unsigned bits = option[2]; bits < address.size() * 8) {
    zero(address.subspan((bits + 7) / 8));
    if (bits % 8 != 0) address[bits / 8] &= static_cast<std::uint8_t>(0xff00U >> bits % 8);
  }
}

}  // namespace onoma::front
