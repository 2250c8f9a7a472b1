// StreamFraming: octets as they come in, messages as they were sent (RFC 1035 §4.2.2: a prefix of 2 octets
// tells the length). Pure, one owner. Nothing is copied twice: a view that next() gives is good until the
// next call of add() or settle().
#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.h"

namespace onoma::os {

class StreamFraming {
 public:
  void add(ByteView octets) { append(octets_, octets); }

  // The next whole message, or nullopt.
  std::optional<ByteView> next() {
    const std::size_t left = buffered();
    if (left < 2) return std::nullopt;
    const std::size_t length = load_u16(&octets_[at_]);
    if (left - 2 < length) return std::nullopt;
    const ByteView message = ByteView(octets_).subspan(at_ + 2, length);
    at_ += 2 + length;
    return message;
  }

  // Octets not given out yet, and passing over the first of them (a header before the first message).
  ByteView rest() const { return ByteView(octets_).subspan(at_); }
  void skip(std::size_t octets) { at_ += octets; }
  std::size_t buffered() const { return octets_.size() - at_; }

  // Gives back the memory of what was given out.
  void settle() {
    if (at_ == 0) return;
    octets_.erase(octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ = 0;
    if (octets_.empty() && octets_.capacity() > kKeptCapacity) Bytes().swap(octets_);
  }
  void drop() {
    Bytes().swap(octets_);
    at_ = 0;
  }

 private:
  // What an idle connection may keep.
  static constexpr std::size_t kKeptCapacity = 4096;
  Bytes octets_;
  std::size_t at_ = 0;  // where what was not given out begins
};

}  // namespace onoma::os
