// SHA-1 and SHA-2 (FIPS 180-4): in one call, in parts, and as the NSEC3 hash (RFC 5155 §5); SM3 (GB/T
// 32905-2016). Pure functions, usable from any thread; a stream belongs to one thread at a time. No
// allocation (SM3 aside), no failure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace onoma::crypto {

template <std::size_t kSize>
using Digest = std::array<std::uint8_t, kSize>;

Digest<20> sha1(ByteView data);
Digest<32> sha256(ByteView data);
Digest<48> sha384(ByteView data);
Digest<64> sha512(ByteView data);
// Of `first` and then `second`. Goes through OpenSSL's providers, since SM3 has no low-level call.
Digest<32> sm3(ByteView first, ByteView second = {});

// A digest in parts, named by its size in octets. A copy continues on its own, so a common beginning is
// hashed once.
template <std::size_t kSize>
class ShaStream {
 public:
  static constexpr std::size_t kBlockSize = kSize <= 32 ? 64 : 128;  // octets

  ShaStream();
  void update(ByteView data);
  // The digest of everything so far; the stream starts afresh.
  Digest<kSize> finish();

 private:
  alignas(8) std::array<std::byte, kSize <= 32 ? 112 : 216> state_;
};
using Sha1Stream = ShaStream<20>;
using Sha224Stream = ShaStream<28>;
using Sha256Stream = ShaStream<32>;
using Sha384Stream = ShaStream<48>;
using Sha512Stream = ShaStream<64>;

extern template class ShaStream<20>;
extern template class ShaStream<28>;
extern template class ShaStream<32>;
extern template class ShaStream<48>;
extern template class ShaStream<64>;

// IH(salt, name, iterations): SHA-1 once and `iterations` times more, the salt appended each time. The name
// is in wire form and lower case; the caller limits iterations.
Digest<20> nsec3_hash(ByteView name_lowercase_wire, ByteView salt, std::uint16_t iterations);

}  // namespace onoma::crypto
