#include "wire/name.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "wire/octet_case.h"
#include "wire/text.h"

namespace onoma::wire {
namespace {

using detail::load_word;
using detail::lower_copy;
using detail::lower_word;

constexpr std::size_t kMaxLabels = 128;
constexpr int kMaxPointers = 127;

// Offsets of the labels of a valid name, the root label left out; returns their number.
std::size_t label_offsets(ByteView wire, std::uint8_t* offsets) {
  std::size_t count = 0;
  for (std::size_t at = 0; wire[at] != 0; at += 1U + wire[at])
    offsets[count++] = static_cast<std::uint8_t>(at);
  return count;
}

std::strong_ordering compare_labels(const std::uint8_t* a, const std::uint8_t* b) {
  const std::size_t size_a = *a++, size_b = *b++;
  const std::size_t common = std::min(size_a, size_b);
  for (std::size_t i = 0; i < common; ++i) {
    const auto x = ascii_lower(a[i]), y = ascii_lower(b[i]);
    if (x != y) return x <=> y;
  }
  return size_a <=> size_b;
}

}  // namespace

std::size_t NameView::label_count() const {
  std::size_t count = 0;
  for (const std::uint8_t* at = wire_.data(); *at != 0; at += 1U + *at) ++count;
  return count;
}

NameView NameView::ancestor(std::size_t labels) const {
  const std::size_t count = label_count();
  CHECK(labels <= count);
  std::size_t at = 0;
  for (std::size_t skip = count - labels; skip > 0; --skip) at += 1U + wire_[at];
  return NameView(wire_.subspan(at));
}

bool NameView::is_at_or_below(NameView ancestor) const {
  if (ancestor.size() > size()) return false;
  const std::size_t want = size() - ancestor.size();
  std::size_t at = 0;
  while (at < want) at += 1U + wire_[at];
  return at == want && detail::equal_lower(&wire_[at], ancestor.wire_.data(), ancestor.size());
}

std::string NameView::text() const {
  std::string out;
  detail::append_name(out, *this);
  return out;
}

std::expected<Name, WireError> Name::parse(std::string_view text, NameView origin) {
  std::uint8_t buffer[kMaxNameOctets];
  auto size = detail::parse_name(text, origin, buffer);
  if (!size) return std::unexpected(size.error());
  return Name(NameView::trusted({buffer, *size}));
}

std::expected<Name, WireError> Name::from_wire(ByteView wire) {
  std::size_t at = 0;
  for (;;) {
    if (at >= wire.size()) return std::unexpected(WireError::truncated);
    const std::uint8_t size = wire[at];
    if (size > kMaxLabelOctets)
      return std::unexpected(size >= 0xC0 ? WireError::bad_pointer : WireError::bad_label_type);
    at += 1U + size;
    if (at > kMaxNameOctets) return std::unexpected(WireError::name_too_long);
    if (size == 0) break;
  }
  if (at != wire.size()) return std::unexpected(WireError::trailing_octets);
  return Name(NameView::trusted(wire));
}

std::optional<Name> Name::from_sort_key(std::string_view key) {
  // Labels come root first and are laid down from the end of the buffer towards its start.
  std::uint8_t buffer[kMaxNameOctets];
  std::size_t start = kMaxNameOctets - 1;
  buffer[start] = 0;
  std::size_t at = 0;
  while (at < key.size()) {
    std::uint8_t label[kMaxLabelOctets];
    std::size_t size = 0;
    for (;; ++at) {
      if (at >= key.size()) return std::nullopt;
      auto octet = static_cast<std::uint8_t>(key[at]);
      if (octet == 0) break;
      if (octet == 1) {
        if (++at >= key.size() || (key[at] != 1 && key[at] != 2)) return std::nullopt;
        octet = static_cast<std::uint8_t>(key[at] - 1);
      }
      if (size == kMaxLabelOctets || octet != ascii_lower(octet)) return std::nullopt;
      label[size++] = octet;
    }
    ++at;
    if (size == 0 || start < size + 1) return std::nullopt;
    start -= size;
    std::memcpy(&buffer[start], label, size);
    buffer[--start] = static_cast<std::uint8_t>(size);
  }
  return Name(NameView::trusted({&buffer[start], kMaxNameOctets - start}));
}

std::expected<Name, WireError> Name::prepend(ByteView label, NameView parent) {
  if (label.empty()) return std::unexpected(WireError::empty_label);
  if (label.size() > kMaxLabelOctets) return std::unexpected(WireError::label_too_long);
  if (1 + label.size() + parent.size() > kMaxNameOctets) return std::unexpected(WireError::name_too_long);
  Name name;
  name.wire_.clear();
  name.wire_.reserve(1 + label.size() + parent.size());
  name.wire_.push_back(static_cast<char>(label.size()));
  name.wire_.append(as_text(label));
  name.wire_.append(as_text(parent.wire()));
  return name;
}

std::expected<Name, WireError> Name::wildcard_of(NameView parent) {
  return prepend(as_bytes("*"), parent);
}

Name Name::lower() const {
  Name name;
  name.wire_.resize(wire_.size());
  // Length octets are below 'A', so the whole name may be lowered in one run.
  lower_copy(reinterpret_cast<std::uint8_t*>(name.wire_.data()), wire().data(), wire_.size());
  return name;
}

bool equal(NameView a, NameView b) {
  return a.size() == b.size() && detail::equal_lower(a.wire().data(), b.wire().data(), a.size());
}

std::strong_ordering canonical_compare(NameView a, NameView b) {
  std::uint8_t offsets_a[kMaxLabels], offsets_b[kMaxLabels];
  std::size_t left_a = label_offsets(a.wire(), offsets_a);
  std::size_t left_b = label_offsets(b.wire(), offsets_b);
  while (left_a > 0 && left_b > 0) {
    const auto order = compare_labels(&a.wire()[offsets_a[--left_a]], &b.wire()[offsets_b[--left_b]]);
    if (order != 0) return order;
  }
  return left_a <=> left_b;
}

std::size_t write_sort_key(NameView name, std::uint8_t* out) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  // Labels are moved by whole words. What a word writes beyond its label's end is overwritten by what
  // follows; the longest key is 504 octets, the room 512.
  const std::uint8_t* const wire = name.wire().data();
  const std::uint8_t* const last_word =
      wire + (name.size() < 8 ? 0 : name.size() - 8);  // where a whole one fits
  std::uint8_t offsets[kMaxLabels];
  const std::uint8_t* const start = out;
  for (std::size_t left = label_offsets(name.wire(), offsets); left > 0;) {
    const std::uint8_t* const label = wire + offsets[--left];
    const std::size_t size = label[0];
    std::size_t at = 0;
    for (; at < size; at += 8) {
      const std::uint8_t* const in = label + 1 + at;
      std::uint64_t word = 0;
      if (name.size() >= 8 && in <= last_word) {
        word = load_word(in);
      } else {
        for (std::size_t i = std::min<std::size_t>(size - at, 8); i > 0; --i) word = word << 8 | in[i - 1];
      }
      word = lower_word(word);
      // Octets behind the label's end must not look like octets that want an escape.
      const std::uint64_t tested = size - at >= 8 ? word : word | ~std::uint64_t{0} << (8 * (size - at));
      if (((tested - 2 * kOnes) & ~tested & (0x80 * kOnes)) != 0) break;
      std::memcpy(out + at, &word, sizeof word);
    }
    if (at >= size) {
      out += size;
    } else {
      out += at;
      for (; at < size; ++at) {
        const std::uint8_t octet = ascii_lower(label[1 + at]);
        if (octet < 2) *out++ = 1;
        *out++ = static_cast<std::uint8_t>(octet < 2 ? octet + 1 : octet);
      }
    }
    *out++ = 0;
  }
  return static_cast<std::size_t>(out - start);
}

std::string sort_key(NameView name) {
  std::uint8_t buffer[kMaxSortKeyOctets];
  return std::string(as_text({buffer, write_sort_key(name, buffer)}));
}

std::string_view parent_key(std::string_view key) {
  CHECK(!key.empty());
  key.remove_suffix(1);
  const auto end = key.rfind('\0');
  return end == std::string_view::npos ? std::string_view{} : key.substr(0, end + 1);
}

std::size_t key_label_count(std::string_view key) {
  return static_cast<std::size_t>(std::count(key.begin(), key.end(), '\0'));
}

std::expected<std::size_t, WireError> read_name(ByteView message, std::size_t& offset, std::uint8_t* out) {
  std::size_t at = offset;
  std::size_t run_start = offset;  // pointers must go to before the run of labels that they end
  std::size_t end = 0;             // behind the name where it stands; 0 until the first pointer
  std::size_t size = 0;
  int pointers = 0;
  for (;;) {
    if (at >= message.size()) return std::unexpected(WireError::truncated);
    const std::uint8_t head = message[at];
    if (head <= kMaxLabelOctets) {
      const std::size_t step = 1U + head;
      if (size + step + (head != 0) > kMaxNameOctets) return std::unexpected(WireError::name_too_long);
      if (step > message.size() - at) return std::unexpected(WireError::truncated);
      std::memcpy(out + size, &message[at], step);
      size += step;
      at += step;
      if (head == 0) {
        offset = end != 0 ? end : at;
        return size;
      }
      continue;
    }
    if (head < 0xC0) return std::unexpected(WireError::bad_label_type);
    if (at + 1 >= message.size()) return std::unexpected(WireError::truncated);
    const std::size_t target = load_u16(&message[at]) & 0x3FFFU;
    if (target >= run_start || ++pointers > kMaxPointers) return std::unexpected(WireError::bad_pointer);
    if (end == 0) end = at + 2;
    at = run_start = target;
  }
}

}  // namespace onoma::wire
