#include "serve/cookie.h"

#include <algorithm>

#include "base/check.h"

namespace onoma::serve {

namespace {

constexpr std::size_t kClientOctets = 8;
constexpr std::size_t kHashedOctets = 16;  // client, version, reserved, time
constexpr std::int32_t kMostAge_s = 3600, kMostFuture_s = 300, kFresh_s = 1800;

// IPv4 inside of IPv6 counts as IPv4, so that one client has one cookie whatever socket it came by.
ByteView plain_address(ByteView peer) {
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return peer.size() == 16 && equal(peer.first(12), kMapped) ? peer.subspan(12) : peer;
}

std::array<std::uint8_t, 8> hash(const crypto::SipKey& key, ByteView head, ByteView peer) {
  std::array<std::uint8_t, kHashedOctets + 16> input;
  std::ranges::copy(head, input.begin());
  std::ranges::copy(peer, input.begin() + kHashedOctets);
  const auto value = crypto::siphash24(key, ByteView(input).first(kHashedOctets + peer.size()));
  std::array<std::uint8_t, 8> octets;
  for (std::size_t i = 0; i < 8; ++i) octets[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return octets;
}

bool same(const std::array<std::uint8_t, 8>& wanted, ByteView got) {
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < 8; ++i)
    difference = static_cast<std::uint8_t>(difference | (wanted[i] ^ got[i]));
  return difference == 0;
}

}  // namespace

CookieReply answer_cookie(const CookieKeys& keys, ByteView option, ByteView peer, std::uint32_t now) {
  CHECK(keys.sign && cookie_size_valid(option.size()) && peer.size() <= 16);
  peer = plain_address(peer);
  CookieReply reply;
  if (option.size() == kCookieOctets && option[kClientOctets] == 1) {
    const auto head = option.first(kHashedOctets);  // with the reserved octets as they came
    const auto age = static_cast<std::int32_t>(now - load_u32(&option[12]));
    if (age <= kMostAge_s && age >= -kMostFuture_s) {
      const bool own = same(hash(*keys.sign, head, peer), option.subspan(kHashedOctets));
      reply.valid =
          own || (keys.verify && same(hash(*keys.verify, head, peer), option.subspan(kHashedOctets)));
      if (own && age < kFresh_s) {
        std::ranges::copy(option, reply.cookie.begin());
        return reply;
      }
    }
  }
  reply.cookie = {};
  std::ranges::copy(option.first(kClientOctets), reply.cookie.begin());
  reply.cookie[kClientOctets] = 1;
  store_u32(&reply.cookie[12], now);
  const auto made = hash(*keys.sign, ByteView(reply.cookie).first(kHashedOctets), peer);
  std::ranges::copy(made, reply.cookie.begin() + kHashedOctets);
  return reply;
}

}  // namespace onoma::serve
