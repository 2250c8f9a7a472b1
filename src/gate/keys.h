// The keys of a zone as its DNSKEY set shows them, and the queue through which signatures are checked.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "crypto/verify.h"
#include "gate/canonical.h"
#include "gate/findings.h"

namespace onoma::gate {

struct Key {
  std::uint16_t flags = 0, tag = 0;
  std::uint8_t algorithm = 0;
  Bytes data;                            // the DNSKEY record data
  std::optional<crypto::PublicKey> key;  // absent: not of an algorithm that can be checked, or damaged
  bool is_zone_key() const { return (flags & 0x0100) != 0; }
  bool is_revoked() const { return (flags & 0x0080) != 0; }
  bool is_entry_point() const { return (flags & 0x0001) != 0; }
};

class KeySet {
 public:
  KeySet() = default;
  explicit KeySet(const DataRange& dnskeys);  // data that are no DNSKEY are left out

  bool empty() const { return keys_.empty(); }
  const std::vector<Key>& keys() const { return keys_; }
  // Algorithms every signed set needs a signature of (RFC 4035 §2.2), ascending.
  const std::vector<std::uint8_t>& algorithms() const { return algorithms_; }
  // Zone keys with this tag and algorithm; there may be more than one.
  std::vector<const Key*> find(std::uint16_t tag, std::uint8_t algorithm) const;

 private:
  std::vector<Key> keys_;
  std::vector<std::uint8_t> algorithms_;
};

// Signatures waiting to be checked; run() checks them with as many threads as it was told. The views in an
// entry must stay good until then. Not thread-safe itself.
class SignatureQueue {
 public:
  SignatureQueue(Findings& findings, unsigned threads) : findings_(findings), threads_(threads) {}

  void add(std::vector<const Key*> keys, Bytes message, ByteView signature, NameView owner, RRType type);
  void run();
  std::uint64_t checked() const { return checked_; }

 private:
  struct Entry {
    std::vector<const Key*> keys;
    Bytes message;
    Bytes signature;
    wire::Name owner;
    RRType type;
    bool good = false;
  };
  Findings& findings_;
  unsigned threads_;
  std::vector<Entry> entries_;
  std::uint64_t checked_ = 0;
};

}  // namespace onoma::gate
