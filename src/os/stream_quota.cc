#include "os/stream_quota.h"

#include <bit>
#include <utility>

#include "base/check.h"
#include "base/rng.h"

namespace onoma::os {
namespace {

enum Kind : std::uint8_t { kHost4, kNetwork4, kHost6, kNetwork6 };

struct SipState {
  std::uint64_t a, b, c, d;
  void round() {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  void absorb(std::uint64_t word) {
    d ^= word;
    round();
    a ^= word;
  }
};

}  // namespace

// SipHash-1-3 of two words: made for hash tables that strangers fill.
std::size_t StreamQuota::Hash::operator()(const Key& key) const noexcept {
  SipState state{secret[0] ^ 0x736f6d6570736575U, secret[1] ^ 0x646f72616e646f6dU,
                 secret[0] ^ 0x6c7967656e657261U, secret[1] ^ 0x7465646279746573U};
  state.absorb(key.network);
  state.absorb(key.kind);
  state.c ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

StreamQuota::StreamQuota(StreamQuotaLimits limits)
    : limits_(std::move(limits)), open_(0, Hash{[] {
                                          SystemRng rng;
                                          return std::array{rng.u64(), rng.u64()};
                                        }()}) {}

std::array<StreamQuota::Key, 2> StreamQuota::keys_of(ByteView address) {
  if (address.size() == 4) {
    const std::uint32_t host = load_u32(address.data());
    return {Key{host, kHost4}, Key{host >> 8, kNetwork4}};
  }
  CHECK(address.size() == 16);
  const std::uint64_t upper = load_u64(address.data());
  return {Key{upper, kHost6}, Key{upper >> 16, kNetwork6}};
}

bool StreamQuota::counted(ByteView address) const {
  return (limits_.per_host != 0 || limits_.per_network != 0) && !limits_.exempt.contains(address);
}

bool StreamQuota::take(ByteView address) {
  if (!counted(address)) return true;
  const auto keys = keys_of(address);
  const std::array<std::size_t, 2> limits{limits_.per_host, limits_.per_network};
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto found = open_.find(keys[i]);
    if (limits[i] != 0 && found != open_.end() && found->second >= limits[i]) return false;
  }
  for (const Key& key : keys) ++open_[key];
  return true;
}

void StreamQuota::give_back(ByteView address) {
  if (!counted(address)) return;
  const std::scoped_lock lock(mutex_);
  for (const Key& key : keys_of(address)) {
    const auto found = open_.find(key);
    CHECK(found != open_.end());
    if (--found->second == 0) open_.erase(found);
  }
}

std::size_t StreamQuota::entries() const {
  const std::scoped_lock lock(mutex_);
  return open_.size();
}

}  // namespace onoma::os
