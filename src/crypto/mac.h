// Message authentication: HMAC (RFC 2104) with SHA-1 and SHA-2, and SipHash-2-4.
// Pure functions, usable from any thread; an Hmac belongs to one thread at a time. No allocation, no failure.
// Compare MACs that came from outside with constant_time_equal (secret.h).
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace onoma::crypto {

// HMAC in parts, named by the digest's size in octets. Making one costs two blocks of hashing; copies of one
// that is kept for a key save them. Its state is as good as the key: it is wiped when the object ends.
template <std::size_t kSize>
class Hmac {
 public:
  explicit Hmac(ByteView key);
  Hmac(const Hmac&) = default;
  Hmac& operator=(const Hmac&) = default;
  ~Hmac();

  void update(ByteView data) { inner_.update(data); }
  // The MAC of everything so far. The object is used up; start again from a copy or a new one.
  Digest<kSize> finish();

 private:
  ShaStream<kSize> inner_;
  ShaStream<kSize> outer_;
};
using HmacSha1 = Hmac<20>;
using HmacSha224 = Hmac<28>;
using HmacSha256 = Hmac<32>;
using HmacSha384 = Hmac<48>;
using HmacSha512 = Hmac<64>;

extern template class Hmac<20>;
extern template class Hmac<28>;
extern template class Hmac<32>;
extern template class Hmac<48>;
extern template class Hmac<64>;

Digest<20> hmac_sha1(ByteView key, ByteView data);
Digest<32> hmac_sha256(ByteView key, ByteView data);
Digest<48> hmac_sha384(ByteView key, ByteView data);
Digest<64> hmac_sha512(ByteView key, ByteView data);

// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed 64-bit hash for short inputs, for hash tables that
// strangers fill and for DNS cookies (RFC 9018). The paper's output octets are the number's, lowest first.
using SipKey = std::array<std::uint8_t, 16>;
std::uint64_t siphash24(const SipKey& key, ByteView data);

}  // namespace onoma::crypto
