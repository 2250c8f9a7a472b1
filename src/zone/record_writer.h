// Writes whole records straight into a message: owners by pointer or as a hash below the apex, data as they
// stand in images and nodes. For answers whose parts are known beforehand; the general way is wire::Writer.
// Inside of the room `zone`. Nothing is allocated; once something did not fit, nothing more is written.
#pragma once

#include "zone/node.h"
#include "zone/packed_sets.h"

namespace onoma::zone {

class RecordWriter {
 public:
  // `out` lies `offset` octets behind the beginning of the message.
  RecordWriter(MutableBytes out, std::size_t offset)
      : begin_(out.data()), at_(out.data()), end_(out.data() + out.size()), offset_(offset) {}

  bool ok() const { return at_ != nullptr; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  std::uint16_t records() const { return records_; }
  std::uint16_t place() const { return static_cast<std::uint16_t>(offset_ + size()); }  // in the message
  MutableBytes room() const { return {at_, end_}; }
  // `octets` of room() have been filled with `records`.
  void filled(std::size_t octets, std::uint16_t records) {
    at_ += octets;
    records_ = static_cast<std::uint16_t>(records_ + records);
  }
  void fail() { at_ = nullptr; }

  // A set with its owner at `owner` of the message; with its signatures, if they are wanted.
  void set(std::uint16_t owner, const EncodedSet& set, bool signatures);
  void set(std::uint16_t owner, const PackedSet& set);
  void signatures(std::uint16_t owner, const PackedSet& set, const PackedReader& reader);
  // The one NSEC3 record of `hash`, with signatures; `apex` is where the zone's name stands.
  void nsec3(std::string_view hash, bool upper, std::uint16_t apex, const PackedSet& set,
             const PackedNsec3& data, const PackedReader& reader);
  void nsec3(NameView owner, std::uint16_t apex, const EncodedSet& set);

 private:
  // Room for the data of a record; null when there is none.
  std::uint8_t* record(std::uint16_t owner, wire::RRType type, std::uint32_t ttl, std::size_t octets);
  std::uint8_t* hashed_record(ByteView label, std::uint16_t apex, std::uint32_t ttl, std::size_t octets);
  std::uint8_t* fixed(std::uint8_t* at, wire::RRType type, std::uint32_t ttl, std::size_t octets);
  std::uint8_t* take(std::size_t octets);

  std::uint8_t *begin_, *at_, *end_;
  std::size_t offset_;
  std::uint16_t records_ = 0;
};

// 32 digits of base32hex (RFC 4648 §7) for a hash of 20 octets.
void put_hash_label(std::string_view hash, bool upper, std::uint8_t* out);

}  // namespace onoma::zone
