// Plan: what one answer will say, before it is written: pointers into a snapshot and into the scratch memory
// that its nodes were unfolded in, nothing copied. Belongs to one worker and is used again for every query;
// fixed size, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "wire/types.h"
#include "zone/snapshot.h"

namespace onoma::serve {

inline constexpr std::size_t kMaxChain = 16;  // CNAME and DNAME steps followed for one query

// EDE info codes (RFC 8914, RFC 9824) that this server sends.
enum class Ede : std::int16_t {
  none = -1,
  other = 0,
  not_ready = 14,
  prohibited = 18,
  not_authoritative = 20,
  not_supported = 21,
  invalid_data = 24,
  invalid_query_type = 30,
};

struct Item {
  wire::NameView owner;
  wire::RRType type{};
  std::uint32_t ttl = 0;
  zone::DataRange data, signatures;
};

struct Plan {
  wire::Rcode rcode = wire::Rcode::noerror;
  bool authoritative = true;
  Ede ede = Ede::none;
  std::string_view ede_text;  // static storage

  std::array<Item, 2 * kMaxChain + 2> answer;
  std::size_t answer_count = 0;
  std::array<Item, 4 * kMaxChain> authority;
  std::size_t authority_count = 0;

  // The NS set of a referral, whose addresses go into the additional section.
  bool referral = false;
  wire::NameView cut;
  zone::DataRange servers;

  // Where names made on the way (DNAME) and their record data lie.
  static constexpr std::size_t kMadeOctets = 2 + wire::kMaxNameOctets;
  std::array<std::array<std::uint8_t, kMadeOctets>, kMaxChain> made;
  std::size_t made_count = 0;

  void reset() {
    rcode = wire::Rcode::noerror;
    authoritative = true;
    ede = Ede::none;
    ede_text = {};
    answer_count = authority_count = made_count = 0;
    referral = false;
  }
  void fail(wire::Rcode why, Ede info = Ede::none, std::string_view text = {}) {
    reset();
    rcode = why;
    authoritative = false;
    ede = info;
    ede_text = text;
  }
  // Both leave out what is there already: one owner has one set of a type.
  void add_answer(const Item& item) { add(answer, answer_count, item); }
  void add_authority(const Item& item) { add(authority, authority_count, item); }

 private:
  template <std::size_t kSize>
  static void add(std::array<Item, kSize>& items, std::size_t& count, const Item& item) {
    for (std::size_t i = 0; i < count; ++i)
      if (items[i].type == item.type && wire::equal(items[i].owner, item.owner)) return;
    if (count < kSize) items[count++] = item;
  }
};

}  // namespace onoma::serve
