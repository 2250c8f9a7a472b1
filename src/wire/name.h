// DNS names in uncompressed wire form (RFC 1035 §3.1): NameView looks at one, Name owns one.
// Both always hold a valid absolute name: labels of 1–63 octets, the root label last, at most 255 octets.
// Case is kept; comparison ignores ASCII case (RFC 4343). Plain values, usable from any thread.
//
// Order: every ordered structure keys names by their *sort key*, a string whose plain octet order is the
// canonical order of RFC 4034 §6.1 and in which a name's descendants are exactly the keys that start with the
// name's key: labels from the root down, lower case, each followed by 00; inside a label 00 is written 01 01
// and 01 is 01 02. The root's key is empty.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "wire/error.h"

namespace onoma::wire {

inline constexpr std::size_t kMaxNameOctets = 255;
inline constexpr std::size_t kMaxLabelOctets = 63;
inline constexpr std::size_t kMaxSortKeyOctets = 512;

class NameView {
 public:
  NameView() : NameView(kRoot) {}
  // REQUIRES: `wire` is exactly one valid uncompressed name (checked parsing: Name::from_wire, read_name).
  static NameView trusted(ByteView wire) { return NameView(wire); }

  ByteView wire() const { return wire_; }
  std::size_t size() const { return wire_.size(); }
  bool is_root() const { return wire_.size() == 1; }
  bool is_wildcard() const { return wire_.size() > 2 && wire_[0] == 1 && wire_[1] == '*'; }
  std::size_t label_count() const;  // the root label is not counted: "example.com." has 2
  ByteView first_label() const { return wire_.subspan(1, wire_[0]); }         // empty for the root
  NameView parent() const { return NameView(wire_.subspan(1U + wire_[0])); }  // REQUIRES: !is_root()
  // The ancestor that has `labels` labels. REQUIRES: labels <= label_count().
  NameView ancestor(std::size_t labels) const;
  // True for the name itself too.
  bool is_at_or_below(NameView ancestor) const;
  bool is_below(NameView ancestor) const { return size() > ancestor.size() && is_at_or_below(ancestor); }

  // Master-file text (RFC 1035 §5.1), absolute, with the final dot; "." for the root. Everything that could
  // be misread is escaped (\. or \DDD).
  std::string text() const;

 private:
  static constexpr std::uint8_t kRootOctet[1] = {0};
  static constexpr ByteView kRoot{kRootOctet};
  explicit NameView(ByteView wire) : wire_(wire) {}
  ByteView wire_;
};

class Name {
 public:
  Name() : wire_(1, '\0') {}
  Name(NameView view)
      : wire_(as_text(view.wire())) {}  // NOLINT(google-explicit-constructor): a copy, nothing lost

  // Text in master-file form. A name without a final dot is completed with `origin`, which may be the root.
  static std::expected<Name, WireError> parse(std::string_view text, NameView origin = {});
  // Exactly one uncompressed name, no octets left over.
  static std::expected<Name, WireError> from_wire(ByteView wire);
  // The name behind a sort key, in lower case; nullopt if `key` is no sort key.
  static std::optional<Name> from_sort_key(std::string_view key);

  NameView view() const { return NameView::trusted(as_bytes(wire_)); }
  operator NameView() const { return view(); }  // NOLINT(google-explicit-constructor)
  ByteView wire() const { return as_bytes(wire_); }
  std::size_t size() const { return wire_.size(); }
  bool is_root() const { return wire_.size() == 1; }
  std::string text() const { return view().text(); }
  NameView parent() const { return view().parent(); }
  std::size_t label_count() const { return view().label_count(); }
  bool is_at_or_below(NameView ancestor) const { return view().is_at_or_below(ancestor); }

  // `label` in front of `parent`; fails with label_too_long, name_too_long or empty_label.
  static std::expected<Name, WireError> prepend(ByteView label, NameView parent);
  // "*" in front of `parent`.
  static std::expected<Name, WireError> wildcard_of(NameView parent);
  Name lower() const;

 private:
  std::string wire_;
};

bool equal(NameView a, NameView b);  // ignoring ASCII case
inline bool operator==(const Name& a, const Name& b) {
  return equal(a.view(), b.view());
}
std::strong_ordering canonical_compare(NameView a, NameView b);  // RFC 4034 §6.1
inline std::strong_ordering operator<=>(const Name& a, const Name& b) {
  return canonical_compare(a, b);
}

std::string sort_key(NameView name);
// Writes the key to `out`, which holds kMaxSortKeyOctets; returns its length. No allocation.
std::size_t write_sort_key(NameView name, std::uint8_t* out);
// The key of the parent: the key without its last label. REQUIRES: key is a non-empty sort key.
std::string_view parent_key(std::string_view key);
std::size_t key_label_count(std::string_view key);

// Reads a possibly compressed name (RFC 1035 §4.1.4) from `message` at `offset` into `out` (kMaxNameOctets)
// and moves `offset` behind it. Pointers must point backwards; at most 127 of them are followed.
std::expected<std::size_t, WireError> read_name(ByteView message, std::size_t& offset, std::uint8_t* out);

inline std::uint8_t ascii_lower(std::uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c | 0x20) : c;
}

}  // namespace onoma::wire

template <>
struct std::hash<onoma::wire::Name> {
  std::size_t operator()(const onoma::wire::Name& name) const noexcept {
    std::size_t h = 1469598103934665603U;
    for (auto c : name.wire()) h = (h ^ onoma::wire::ascii_lower(c)) * 1099511628211U;
    return h;
  }
};
