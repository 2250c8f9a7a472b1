// EDNS options of requests and answers (RFC 6891): what a client asks for, and the octets that answer it. No
// allocation.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace onoma::serve {

enum class OptionCode : std::uint16_t {
  nsid = 3,
  expire = 9,
  cookie = 10,
  keepalive = 11,
  padding = 12,
  ede = 15,
  zoneversion = 19,
};

struct EdnsWishes {
  bool malformed = false;  // an option this server knows has a form it may not have: FORMERR
  bool nsid = false, expire = false, keepalive = false, padding = false, zoneversion = false;
  bool has_cookie = false;
  ByteView cookie;  // as sent, of a valid size
};
// `options` is well-formed as a list (wire::read_query has seen to that). `stream`: not over UDP.
EdnsWishes read_wishes(ByteView options, bool stream);

// Complete encoded options, one after the other, in place.
class OptionList {
 public:
  static constexpr std::size_t kMaxOctets = 1024;
  bool add(OptionCode code, ByteView data) { return add(code, data, {}); }
  bool add(OptionCode code, ByteView data, ByteView more);  // false: does not fit, nothing added
  bool add_zeros(OptionCode code, std::size_t size);
  void clear() { size_ = 0; }
  std::size_t size() const { return size_; }
  ByteView view() const { return ByteView(octets_).first(size_); }

 private:
  std::array<std::uint8_t, kMaxOctets> octets_;
  std::size_t size_ = 0;
};

}  // namespace onoma::serve
