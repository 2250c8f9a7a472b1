#include "zone/set_digest.h"

#include "base/encoding.h"
#include "crypto/digest.h"
#include "zone/facts.h"

namespace onoma::zone {

namespace {

using Sum = std::array<std::uint64_t, 4>;

class Hash {
 public:
  Hash(NameView owner, RRType type, std::uint32_t ttl, std::size_t count) {
    std::array<std::uint8_t, wire::kMaxNameOctets + 8> head;
    std::size_t at = 0;
    for (auto octet : owner.wire()) head[at++] = wire::ascii_lower(octet);
    store_u16(&head[at], wire::number(type));
    store_u32(&head[at + 2], ttl);
    store_u16(&head[at + 6], static_cast<std::uint16_t>(count));
    stream_.update(ByteView(head).first(at + 8));
  }
  void data(ByteView octets) { stream_.update(octets); }
  void datum(ByteView octets) {
    std::array<std::uint8_t, 2> size;
    store_u16(size.data(), static_cast<std::uint16_t>(octets.size()));
    stream_.update(size);
    stream_.update(octets);
  }
  Sum finish() {
    const auto digest = stream_.finish();
    Sum sum{};
    for (std::size_t i = 0; i < 32; ++i) sum[i / 8] |= std::uint64_t{digest[i]} << (8 * (i % 8));
    return sum;
  }

 private:
  crypto::Sha256Stream stream_;
};

void plus(Sum& sum, const Sum& more) {
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto partial = sum[i] + carry;
    carry = partial < carry;
    sum[i] = partial + more[i];
    carry += sum[i] < partial;
  }
}

void minus(Sum& sum, const Sum& less) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto partial = sum[i] - borrow;
    borrow = partial > sum[i];
    sum[i] = partial - less[i];
    borrow += sum[i] > partial;
  }
}

Sum hash_of(const wire::RRset& set) {
  Hash hash(set.owner, set.type, set.ttl, set.rdatas.size());
  for (const auto& data : set.rdatas) hash.datum(data);
  return hash.finish();
}

}  // namespace

void SetDigest::add(const wire::RRset& set) {
  plus(sum, hash_of(set));
}
void SetDigest::remove(const wire::RRset& set) {
  minus(sum, hash_of(set));
}

void digest_set(SetDigest& digest, NameView owner, const EncodedSet& set, bool add) {
  if (!is_content(set.type)) return;
  Hash hash(owner, set.type, set.ttl, set.count);
  hash.data(set.data);  // runs have the very form that is hashed
  if (add)
    plus(digest.sum, hash.finish());
  else
    minus(digest.sum, hash.finish());
}

std::string SetDigest::text() const {
  std::array<std::uint8_t, 32> octets;
  for (std::size_t i = 0; i < 32; ++i)
    octets[31 - i] = static_cast<std::uint8_t>(sum[i / 8] >> (8 * (i % 8)));
  return hex(octets);
}

}  // namespace onoma::zone
