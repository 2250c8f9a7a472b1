#include "ident/idn.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <idn2.h>

#include "base/encoding.h"
#include "ident/punycode.h"
#include "ident/text.h"

namespace onoma::ident {
namespace {

using detail::quoted;
using wire::Name;

constexpr std::string_view kAcePrefix = "xn--";
constexpr std::size_t kMaxText = 1024;  // octets: 255 octets of A-labels never need more as U-labels

struct Label {
  std::string ascii, unicode;
};

std::unexpected<Error> bad_label(std::string_view label, std::string_view why) {
  return fail(Code::bad_syntax, fmt::format("label {}: {}", quoted(label), why));
}

using Idn2Text = std::unique_ptr<std::uint8_t, decltype([](std::uint8_t* p) { idn2_free(p); })>;

// A U-label to its A-label under the registration rules of RFC 5891 §4. libidn2 hands ASCII through
// unchecked, so this is for labels with non-ASCII only.
Result<std::string> encode_u_label(const std::string& label) {
  if (label.starts_with('-') || label.ends_with('-')) return bad_label(label, "begins or ends with a hyphen");
  std::uint8_t* raw = nullptr;
  const int code = idn2_register_u8(reinterpret_cast<const std::uint8_t*>(label.c_str()), nullptr, &raw, 0);
  const Idn2Text text(raw);
  if (code != IDN2_OK) return bad_label(label, idn2_strerror(code));
  return std::string(reinterpret_cast<const char*>(text.get()));
}

Result<Label> register_ascii(std::string_view label) {
  if (label.size() > wire::kMaxLabelOctets) return bad_label(label, "longer than 63 octets");
  Label out{detail::lower(label), {}};
  for (char c : out.ascii)
    if (!(c >= 'a' && c <= 'z') && !detail::is_digit(c) && c != '-')
      return bad_label(label, fmt::format("'{}' is not a letter, digit or hyphen", c));
  if (out.ascii.front() == '-' || out.ascii.back() == '-')
    return bad_label(label, "begins or ends with a hyphen");
  if (out.ascii.size() < 4 || out.ascii.compare(2, 2, "--") != 0) {
    out.unicode = out.ascii;
    return out;
  }
  if (!out.ascii.starts_with(kAcePrefix))
    return bad_label(label,
                     "hyphens at the third and fourth place mark encoded labels, which begin with xn--");
  const auto decoded = punycode_decode(std::string_view(out.ascii).substr(kAcePrefix.size()));
  if (!decoded || detail::is_ascii(*decoded))
    return bad_label(label, "begins with xn-- but is not the encoding of a label with non-ASCII characters");
  ONOMA_TRY(const auto again, encode_u_label(*decoded));
  if (again != out.ascii)
    return bad_label(label, fmt::format("is not how {} is encoded; write {}", quoted(*decoded), again));
  out.unicode = *decoded;
  return out;
}

Result<Label> register_label(std::string_view label) {
  if (label.empty())
    return fail(Code::bad_syntax, "an empty label; two dots side by side, or one at the beginning");
  if (detail::is_ascii(label)) return register_ascii(label);
  Label out{{}, std::string(label)};
  ONOMA_TRY(out.ascii, encode_u_label(out.unicode));
  if (out.ascii.size() > wire::kMaxLabelOctets) return bad_label(label, "longer than 63 octets when encoded");
  // Belt and braces: what is stored must decode to what was asked for.
  if (punycode_decode(std::string_view(out.ascii).substr(kAcePrefix.size())) != out.unicode)
    return bad_label(label, "has no encoding that leads back to it");
  return out;
}

// Does a U-label hold a character written from right to left, or an Arabic-Indic digit? By the ranges that
// Unicode reserves for these bidi classes; the extended Arabic-Indic digits are European numbers to the bidi
// algorithm.
bool is_rtl(std::string_view label) {
  for (std::size_t i = 0; i < label.size();) {
    const auto lead = static_cast<unsigned char>(label[i]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t c = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (std::size_t k = 1; k < size; ++k) c = c << 6 | (static_cast<unsigned char>(label[i + k]) & 0x3FU);
    i += size;
    if (c >= 0x06F0 && c <= 0x06F9) continue;
    if ((c >= 0x0590 && c <= 0x08FF) || (c >= 0xFB1D && c <= 0xFDFF) || (c >= 0xFE70 && c <= 0xFEFF) ||
        (c >= 0x10800 && c <= 0x10FFF) || (c >= 0x1E800 && c <= 0x1EFFF))
      return true;
  }
  return false;
}

Result<Name> to_name(const std::vector<Label>& labels) {
  Name name;
  for (auto it = labels.rbegin(); it != labels.rend(); ++it) {
    auto longer = Name::prepend(as_bytes(it->ascii), name);
    if (!longer) return fail(Code::bad_syntax, fmt::format("the name: {}", wire::describe(longer.error())));
    name = *std::move(longer);
  }
  return name;
}

Result<std::string_view> checked(std::string_view text) {
  if (text.empty()) return fail(Code::bad_syntax, "the name is empty; give at least one label");
  if (text.size() > kMaxText)
    return fail(Code::bad_syntax,
                fmt::format("the name has {} octets of text; the limit is {}", text.size(), kMaxText));
  if (!is_utf8(text)) return fail(Code::bad_syntax, "the name is not UTF-8");
  for (char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F)
      return fail(Code::bad_syntax,
                  fmt::format("the name {} holds a space or control character", quoted(text)));
  return text;
}

std::optional<std::string> displayed(ByteView label) {
  auto text = detail::lower(as_text(label));
  if (!text.starts_with(kAcePrefix)) return std::nullopt;
  auto read = register_label(text);
  if (!read) return std::nullopt;
  return std::move(read->unicode);
}

}  // namespace

Result<IdnName> idn_register(std::string_view text) {
  ONOMA_TRY(text, checked(text));
  if (text == ".") return IdnName{Name{}, "."};
  if (text.ends_with('.')) text.remove_suffix(1);
  std::vector<Label> labels;
  for (auto part : detail::split(text, '.')) {
    ONOMA_TRY(labels.emplace_back(), register_label(part));
  }
  // RFC 5893 §2 speaks of whole names: beside a label written from right to left, the others must keep to the
  // rule as well. For ASCII labels that means that they begin with a letter.
  if (std::ranges::any_of(labels, [](const Label& label) { return is_rtl(label.unicode); }))
    for (const auto& label : labels)
      if (detail::is_digit(label.unicode.front()))
        return bad_label(label.unicode,
                         "begins with a digit beside a label that is written from right to left");
  IdnName out;
  ONOMA_TRY(out.ascii, to_name(labels));
  for (const auto& label : labels) {
    if (!out.unicode.empty()) out.unicode.push_back('.');
    out.unicode += label.unicode;
  }
  return out;
}

Result<IdnName> idn_lookup(std::string_view text) {
  ONOMA_TRY(text, checked(text));
  std::string ascii(text);
  if (!detail::is_ascii(text)) {
    std::uint8_t* raw = nullptr;
    const int code = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(ascii.c_str()), &raw,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const Idn2Text mapped(raw);
    if (code != IDN2_OK)
      return fail(Code::bad_syntax, fmt::format("{}: {}", quoted(text), idn2_strerror(code)));
    ascii = reinterpret_cast<const char*>(mapped.get());
  }
  if (ascii.find('@') != ascii.npos)  // "@" alone would be the origin of a zone file
    return fail(Code::bad_syntax, fmt::format("{}: '@' is not part of a name", quoted(text)));
  auto name = Name::parse(ascii);
  if (!name) return fail(Code::bad_syntax, fmt::format("{}: {}", quoted(text), wire::describe(name.error())));
  IdnName out{name->lower(), {}};
  out.unicode = idn_display(out.ascii);
  return out;
}

Result<IdnName> idn_host(std::string_view text) {
  return idn_register(text);
}

std::string idn_display(wire::NameView name) {
  if (name.is_root()) return ".";
  std::string out;
  for (; !name.is_root(); name = name.parent()) {
    if (!out.empty()) out.push_back('.');
    const auto label = name.first_label();
    if (auto unicode = displayed(label)) {
      out += *unicode;
    } else {
      auto text = Name::prepend(label, {})->text();
      text.pop_back();
      out += text;
    }
  }
  return out;
}

}  // namespace onoma::ident
