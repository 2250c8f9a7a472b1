// TSIG keys and the ring of those that this server knows. Immutable once made: any thread.
//
// A key file has a line for each key, NAME ALGORITHM BASE64, such as
//   transfer.example. hmac-sha256 qUJ…=
// and is readable by its owner alone. Lines that begin with # and empty lines say nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/mac.h"
#include "wire/name.h"

namespace onoma::transfer {

// HMAC-SHA-1 is there to understand others: requests signed with it are checked and answered in kind, but
// nothing begins with it (may_begin).
enum class TsigAlgorithm : std::uint8_t { hmac_sha1, hmac_sha224, hmac_sha256, hmac_sha384, hmac_sha512 };
inline constexpr std::size_t kTsigAlgorithms = 5;

std::string_view text_of(TsigAlgorithm algorithm);                   // "hmac-sha256"
std::optional<TsigAlgorithm> tsig_algorithm(std::string_view text);  // in lower case
wire::NameView name_of(TsigAlgorithm algorithm);                     // as in TSIG records
std::size_t mac_octets(TsigAlgorithm algorithm);
constexpr bool may_begin(TsigAlgorithm algorithm) {
  return algorithm != TsigAlgorithm::hmac_sha1;
}

// A MAC on its way: of any of the algorithms. Copies of a keyed one start afresh.
class TsigMac {
 public:
  TsigMac(TsigAlgorithm algorithm, ByteView secret);
  void update(ByteView octets);
  Bytes finish();  // uses it up

 private:
  std::variant<crypto::HmacSha1, crypto::HmacSha224, crypto::HmacSha256, crypto::HmacSha384,
               crypto::HmacSha512>
      state_;
};

// Holds no secret, only the keyed MAC, which is as good and is wiped when it goes.
class TsigKey {
 public:
  TsigKey(const wire::Name& name, TsigAlgorithm algorithm, ByteView secret)
      : name_(name.lower()), algorithm_(algorithm), keyed_(algorithm, secret) {}
  const wire::Name& name() const { return name_; }  // lower case
  TsigAlgorithm algorithm() const { return algorithm_; }
  TsigMac start() const { return keyed_; }

 private:
  wire::Name name_;
  TsigAlgorithm algorithm_;
  TsigMac keyed_;
};
using TsigKeyPtr = std::shared_ptr<const TsigKey>;

class KeyRing {
 public:
  static constexpr std::size_t kKeysMax = 10'000;
  static constexpr std::size_t kFileMax = 4 << 20;  // octets
  static constexpr std::size_t kSecretMin = 16, kSecretMax = 1024;

  KeyRing() = default;
  // Adds to what `ring` has; on an error it is unchanged. `source` is named in messages.
  static Result<void> read(std::string_view text, std::string_view source, KeyRing& ring);
  // Refuses a file that others than its owner may read.
  static Result<KeyRing> load(const std::string& path);
  Result<void> add(TsigKeyPtr key);  // exists: there is one of this name

  TsigKeyPtr find(wire::NameView name) const;  // null: unknown
  std::size_t size() const { return keys_.size(); }
  bool empty() const { return keys_.empty(); }

 private:
  std::unordered_map<wire::Name, TsigKeyPtr> keys_;
};

}  // namespace onoma::transfer
