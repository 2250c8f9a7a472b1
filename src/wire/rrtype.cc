#include "wire/rrtype.h"

#include <array>
#include <utility>

#include "wire/rdata_fields.h"
#include "wire/text.h"

namespace onoma::wire {
namespace {

using detail::TypeInfo;

struct Row {
  std::uint16_t number;
  TypeInfo info;
};
constexpr Row kRows[] = {
#define X(number, mnemonic, form) {number, {mnemonic, form}},
#include "wire/rrtype_table.inc"
#undef X
};
constexpr TypeInfo kUnknown{"", "?"};

// The numbers below kDense by index, the few above by search.
constexpr std::size_t kDense = 272;
constexpr auto kByNumber = [] {
  std::array<TypeInfo, kDense> table{};
  table.fill(kUnknown);
  for (const Row& row : kRows)
    if (row.number < kDense) table[row.number] = row.info;
  return table;
}();

constexpr std::size_t kSlots = 512;
constexpr std::size_t kLongestMnemonic = 10;

constexpr std::uint32_t hash(std::string_view text) {
  std::uint32_t h = 2166136261U;
  for (const char c : text) {
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    h = (h ^ static_cast<std::uint8_t>(upper)) * 16777619U;
  }
  return h ^ h >> 15;
}

// Open addressing from mnemonic to row index + 1.
constexpr auto kByMnemonic = [] {
  std::array<std::uint8_t, kSlots> table{};
  std::uint8_t index = 0;
  for (const Row& row : kRows) {
    std::size_t slot = hash(row.info.mnemonic) % kSlots;
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = ++index;
  }
  return table;
}();

constexpr bool mnemonics_fit() {
  for (const Row& row : kRows)
    if (row.info.mnemonic.size() > kLongestMnemonic) return false;
  return std::size(kRows) < 255;
}
static_assert(mnemonics_fit());

std::optional<std::uint16_t> parse_generic(std::string_view text, std::string_view prefix) {
  if (text.size() <= prefix.size() || !detail::equal_ignoring_case(text.substr(0, prefix.size()), prefix))
    return std::nullopt;
  auto value = detail::parse_number(text.substr(prefix.size()), 0xFFFF);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

std::string generic(std::string_view prefix, std::uint16_t value) {
  std::string out(prefix);
  detail::append_number(out, value);
  return out;
}

}  // namespace

const TypeInfo& detail::type_info(RRType type) {
  const std::uint16_t n = number(type);
  if (n < kDense) return kByNumber[n];
  for (std::size_t i = std::size(kRows); i > 0 && kRows[i - 1].number >= kDense; --i)
    if (kRows[i - 1].number == n) return kRows[i - 1].info;
  return kUnknown;
}

std::string type_text(RRType type) {
  const TypeInfo& info = detail::type_info(type);
  return info.mnemonic.empty() ? generic("TYPE", number(type)) : std::string(info.mnemonic);
}

std::optional<RRType> parse_type(std::string_view text) {
  if (text.size() <= kLongestMnemonic) {
    for (std::size_t slot = hash(text) % kSlots; kByMnemonic[slot] != 0; slot = (slot + 1) % kSlots) {
      const Row& row = kRows[kByMnemonic[slot] - 1U];
      if (detail::equal_ignoring_case(text, row.info.mnemonic)) return RRType{row.number};
    }
  }
  if (text == "*") return RRType::ANY;
  if (auto value = parse_generic(text, "TYPE")) return RRType{*value};
  return std::nullopt;
}

bool is_meta_type(RRType type) {
  const std::uint16_t n = number(type);
  return n == 0 || type == RRType::OPT || (n >= 128 && n <= 255);
}

bool is_known_type(RRType type) {
  return !detail::type_info(type).mnemonic.empty();
}

std::string class_text(RRClass rr_class) {
  switch (rr_class) {
    case RRClass::IN:
      return "IN";
    case RRClass::CH:
      return "CH";
    case RRClass::HS:
      return "HS";
    case RRClass::NONE:
      return "NONE";
    case RRClass::ANY:
      return "ANY";
  }
  return generic("CLASS", static_cast<std::uint16_t>(rr_class));
}

std::optional<RRClass> parse_class(std::string_view text) {
  constexpr std::pair<std::string_view, RRClass> kNames[] = {{"IN", RRClass::IN},
                                                             {"CH", RRClass::CH},
                                                             {"HS", RRClass::HS},
                                                             {"NONE", RRClass::NONE},
                                                             {"ANY", RRClass::ANY}};
  for (const auto& [name, rr_class] : kNames)
    if (detail::equal_ignoring_case(text, name)) return rr_class;
  if (auto value = parse_generic(text, "CLASS")) return RRClass{*value};
  return std::nullopt;
}

std::string rcode_text(Rcode rcode) {
  // IANA, "DNS RCODEs".
  constexpr std::string_view kNames[] = {
      "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",  "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
      "NXRRSET", "NOTAUTH", "NOTZONE",  "DSOTYPENI", "",        "",        "",         "",
      "BADVERS", "BADKEY",  "BADTIME",  "BADMODE",   "BADNAME", "BADALG",  "BADTRUNC", "BADCOOKIE"};
  const auto n = static_cast<std::uint16_t>(rcode);
  if (n < std::size(kNames) && !kNames[n].empty()) return std::string(kNames[n]);
  return generic("RCODE", n);
}

}  // namespace onoma::wire
