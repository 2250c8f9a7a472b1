#include "os/prefix.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "os/address.h"

namespace onoma::os {
namespace {

constexpr std::size_t kTextMax = 64;
constexpr std::size_t kListMax = 1024;

std::unexpected<Error> refuse(std::string_view text, std::string_view why) {
  std::string shown;
  for (char c : text.substr(0, kTextMax)) shown += c >= 0x20 && c < 0x7f ? c : '?';
  return fail(Code::bad_syntax,
              fmt::format("\"{}\" is no network: {}; write 192.0.2.0/24, 2001:db8::/32 or a bare address",
                          shown, why));
}

}  // namespace

Result<Prefix> Prefix::parse(std::string_view text) {
  if (text.size() > kTextMax) return refuse(text, "it is too long");
  const auto slash = text.find('/');
  const auto host = text.substr(0, slash);
  const bool v6 = host.find(':') != std::string_view::npos;
  const auto endpoint = Endpoint::parse(v6 ? fmt::format("[{}]:0", host) : fmt::format("{}:0", host));
  if (!endpoint || host.find('%') != std::string_view::npos)
    return refuse(text, "what stands before the slash is no address");
  const unsigned most = v6 ? 128 : 32;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const auto number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
    if (error != std::errc{} || end != number.data() + number.size() || bits > most)
      return refuse(text, fmt::format("the length must be a number from 0 to {}", most));
  }
  const auto prefix = around(endpoint->address_bytes(), bits);
  if (!prefix || !equal(prefix->address(), endpoint->address_bytes()))
    return refuse(text, fmt::format("bits behind the first {} are set", bits));
  return *prefix;
}

std::optional<Prefix> Prefix::around(ByteView address, unsigned bits) noexcept {
  if ((address.size() != 4 && address.size() != 16) || bits > address.size() * 8) return std::nullopt;
  Prefix out;
  out.v6_ = address.size() == 16;
  out.bits_ = static_cast<std::uint8_t>(bits);
  std::copy_n(address.begin(), bits / 8, out.octets_.begin());
  if (bits % 8 != 0)
    out.octets_[bits / 8] = static_cast<std::uint8_t>(address[bits / 8] & (0xff00U >> bits % 8));
  return out;
}

bool Prefix::contains(ByteView address) const noexcept {
  if (address.size() != (v6_ ? 16U : 4U)) return false;
  const std::size_t whole = bits_ / 8;
  if (whole > 0 && std::memcmp(address.data(), octets_.data(), whole) != 0) return false;
  return bits_ % 8 == 0 || ((address[whole] ^ octets_[whole]) & (0xff00U >> bits_ % 8) & 0xffU) == 0;
}

std::string Prefix::text() const {
  return fmt::format("{}/{}", Endpoint::from_bytes(address(), 0).value_or(Endpoint()).address_text(), bits_);
}

Result<PrefixList> PrefixList::parse(const std::vector<std::string>& texts) {
  if (texts.size() > kListMax)
    return fail(Code::out_of_range, fmt::format("a list of networks has at most {} entries", kListMax));
  std::vector<Prefix> prefixes;
  for (const auto& text : texts) {
    ONOMA_TRY(auto prefix, Prefix::parse(text));
    prefixes.push_back(prefix);
  }
  return PrefixList(std::move(prefixes));
}

bool PrefixList::contains(ByteView address) const noexcept {
  return std::ranges::any_of(prefixes_, [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace onoma::os
