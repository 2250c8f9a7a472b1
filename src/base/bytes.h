// Octets, and reading and writing them in network order. Header-only, no allocation but in Bytes itself.
// ByteReader shrinks a view; a failed read returns nullopt and leaves the reader where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onoma {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(std::string_view text) {
  auto view = as_bytes(text);
  return {view.begin(), view.end()};
}
inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
inline void append(Bytes& out, ByteView more) {
  out.insert(out.end(), more.begin(), more.end());
}

inline std::uint16_t load_u16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}
inline std::uint32_t load_u32(const std::uint8_t* at) {
  return static_cast<std::uint32_t>(load_u16(at)) << 16 | load_u16(at + 2);
}
inline std::uint64_t load_u64(const std::uint8_t* at) {
  return static_cast<std::uint64_t>(load_u32(at)) << 32 | load_u32(at + 4);
}
inline void store_u16(std::uint8_t* at, std::uint16_t v) {
  at[0] = static_cast<std::uint8_t>(v >> 8);
  at[1] = static_cast<std::uint8_t>(v);
}
inline void store_u32(std::uint8_t* at, std::uint32_t v) {
  store_u16(at, static_cast<std::uint16_t>(v >> 16));
  store_u16(at + 2, static_cast<std::uint16_t>(v));
}

class ByteReader {
 public:
  explicit ByteReader(ByteView data) : data_(data) {}

  std::size_t left() const { return data_.size() - at_; }
  std::size_t position() const { return at_; }
  bool done() const { return left() == 0; }
  ByteView rest() const { return data_.subspan(at_); }

  std::optional<std::uint8_t> u8() {
    if (left() < 1) return std::nullopt;
    return data_[at_++];
  }
  std::optional<std::uint16_t> u16() {
    if (left() < 2) return std::nullopt;
    at_ += 2;
    return load_u16(&data_[at_ - 2]);
  }
  std::optional<std::uint32_t> u32() {
    if (left() < 4) return std::nullopt;
    at_ += 4;
    return load_u32(&data_[at_ - 4]);
  }
  std::optional<std::uint64_t> u64() {
    if (left() < 8) return std::nullopt;
    at_ += 8;
    return load_u64(&data_[at_ - 8]);
  }
  std::optional<ByteView> bytes(std::size_t size) {
    if (left() < size) return std::nullopt;
    at_ += size;
    return data_.subspan(at_ - size, size);
  }
  // u32 length, then that many octets.
  std::optional<ByteView> block() {
    ByteReader probe = *this;
    auto size = probe.u32();
    if (!size) return std::nullopt;
    auto view = probe.bytes(*size);
    if (view) *this = probe;
    return view;
  }

 private:
  ByteView data_;
  std::size_t at_ = 0;
};

// Appends to a vector it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}
  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16(std::uint16_t v) {
    u8(static_cast<std::uint8_t>(v >> 8));
    u8(static_cast<std::uint8_t>(v));
  }
  void u32(std::uint32_t v) {
    u16(static_cast<std::uint16_t>(v >> 16));
    u16(static_cast<std::uint16_t>(v));
  }
  void u64(std::uint64_t v) {
    u32(static_cast<std::uint32_t>(v >> 32));
    u32(static_cast<std::uint32_t>(v));
  }
  void bytes(ByteView v) { append(out_, v); }
  void block(ByteView v) {
    u32(static_cast<std::uint32_t>(v.size()));
    bytes(v);
  }
  std::size_t size() const { return out_.size(); }

 private:
  Bytes& out_;
};

}  // namespace onoma
