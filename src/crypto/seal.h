// Sealing small data with AES-256-GCM (NIST SP 800-38D), so that erasing the key erases the data.
// Pure functions but for the Rng passed in; usable from any thread.
// Form of sealed data: nonce (12 octets) ‖ ciphertext (as long as the plain data) ‖ tag (16 octets).
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "base/rng.h"

namespace onoma::crypto {

inline constexpr std::size_t kSealNonceSize = 12;  // octets
inline constexpr std::size_t kSealTagSize = 16;
inline constexpr std::size_t kSealOverhead = kSealNonceSize + kSealTagSize;

// 32 octets, wiped when the object ends. Nonces are random: seal at most 2^32 pieces with one key.
class SealKey {
 public:
  static constexpr std::size_t kSize = 32;

  static SealKey random(Rng& rng);
  static Result<SealKey> from_bytes(ByteView octets);  // bad_syntax unless kSize octets
  SealKey(const SealKey&) = default;
  SealKey& operator=(const SealKey&) = default;
  ~SealKey();

  // For keeping it in the table of keys; a secret.
  ByteView bytes() const { return octets_; }

 private:
  SealKey() = default;
  std::array<std::uint8_t, kSize> octets_{};
};

// `associated` is authenticated with the data but not stored in it: say what the piece belongs to (contact,
// field), so that a piece moved elsewhere does not open.
Bytes seal(const SealKey& key, ByteView plain, ByteView associated, Rng& rng);
// Error: corrupt, if key, associated data and piece do not belong together. Nothing of the plain data is
// shown then.
Result<Bytes> open(const SealKey& key, ByteView sealed, ByteView associated);

}  // namespace onoma::crypto
