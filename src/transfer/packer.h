// Packer: packs records into the answer sections of messages, one message after another, with names
// compressed by a hash table instead of a search, so that a message of thousands of names costs what its
// octets cost. For transfers; the answer path has wire::Writer. One thread at a time.
//
// Owners, and the names in NS, CNAME, PTR, MX and SOA data, are compressed against equal octets (case
// included).
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "wire/name.h"
#include "wire/types.h"

namespace onoma::transfer {

// One record; class IN. The views are good until its maker is asked for the next one.
struct RecordView {
  wire::NameView owner;
  wire::RRType type{};
  std::uint32_t ttl = 0;
  ByteView rdata;
};

class Packer {
 public:
  // The next message, written into `out`, which must stay until finish(). Records beyond the first are
  // refused above `wanted` octets, all above `most`. REQUIRES: most <= 65,535.
  void begin(Bytes& out, std::uint16_t id, std::uint16_t flags, std::size_t wanted, std::size_t most);
  void question(wire::NameView name, wire::RRType type);
  bool add(const RecordView& record);  // false: does not fit, nothing is changed
  std::uint16_t records() const { return records_; }
  // Cuts `out` to the message. `opt` is a complete OPT record or empty. REQUIRES: it fits.
  void finish(ByteView opt);

 private:
  static constexpr std::size_t kSlots = 4096;
  struct Slot {
    std::uint32_t message = 0;  // that it belongs to; others are empty
    std::uint16_t tag = 0, offset = 0;
  };

  void room(std::size_t octets);
  void put_octets(ByteView octets);
  void put_u16(std::uint16_t value);
  void put_name(wire::NameView name);
  void put_data(wire::RRType type, ByteView rdata);
  bool same_name_at(std::size_t offset, const std::uint8_t* wanted) const;

  Bytes* out_ = nullptr;
  std::size_t at_ = 0, wanted_ = 0, most_ = 0;
  std::uint16_t questions_ = 0, records_ = 0;
  std::uint32_t message_ = 0;
  std::array<Slot, kSlots> slots_;
};

}  // namespace onoma::transfer
