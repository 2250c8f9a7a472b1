// $GENERATE: a range and a pattern instead of many records that differ by a number.
#include "wire/text.h"
#include "wire/zonefile_parser.h"

namespace onoma::wire::detail {
namespace {

constexpr std::uint64_t kMaxValue = 0x7FFFFFFF;
constexpr std::uint64_t kMaxWidth = 255;

struct Modifier {
  std::int64_t offset = 0;
  std::uint64_t width = 0;
  char base = 'd';
};

// The text between "${" and "}": offset[,width[,base]].
std::optional<Modifier> parse_modifier(std::string_view text) {
  Modifier out;
  const auto take = [&] {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    return part;
  };
  auto offset = take();
  const bool negative = offset.starts_with('-');
  if (negative || offset.starts_with('+')) offset.remove_prefix(1);
  auto magnitude = parse_number(offset, kMaxValue);
  if (!magnitude) return std::nullopt;
  out.offset = (negative ? -1 : 1) * static_cast<std::int64_t>(*magnitude);
  if (text.empty()) return out;
  auto width = parse_number(take(), kMaxWidth);
  if (!width) return std::nullopt;
  out.width = *width;
  if (text.empty()) return out;
  if (text.size() != 1 || std::string_view("doxXnN").find(text[0]) == std::string_view::npos)
    return std::nullopt;
  out.base = text[0];
  return out;
}

void append_value(std::string& out, std::uint64_t value, const Modifier& modifier) {
  const bool upper = modifier.base == 'X' || modifier.base == 'N';
  const std::string_view digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  const unsigned base = modifier.base == 'd' ? 10 : modifier.base == 'o' ? 8 : 16;
  std::string reversed;  // lowest digit first
  do {
    reversed.push_back(digits[value % base]);
    value /= base;
  } while (value != 0);
  if (modifier.base == 'n' || modifier.base == 'N') {
    // Nibbles, lowest first, with dots between them; the width counts the dots too.
    while (2 * reversed.size() - 1 < modifier.width) reversed.push_back('0');
    for (std::size_t i = 0; i < reversed.size(); ++i) {
      if (i > 0) out.push_back('.');
      out.push_back(reversed[i]);
    }
    return;
  }
  if (reversed.size() < modifier.width) reversed.append(modifier.width - reversed.size(), '0');
  out.append(reversed.rbegin(), reversed.rend());
}

}  // namespace

std::optional<GenerateRange> parse_generate_range(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto slash = text.find('/', dash);
  auto start = parse_number(text.substr(0, dash), kMaxValue);
  auto stop = parse_number(text.substr(dash + 1, slash == std::string_view::npos ? slash : slash - dash - 1),
                           kMaxValue);
  auto step = slash == std::string_view::npos ? std::optional<std::uint64_t>(1)
                                              : parse_number(text.substr(slash + 1), kMaxValue);
  if (!start || !stop || !step || *step == 0 || *stop < *start) return std::nullopt;
  return GenerateRange{*start, *stop, *step};
}

std::expected<void, std::string_view> expand_generate(std::string& out, std::string_view side,
                                                      std::uint64_t value) {
  for (std::size_t at = 0; at < side.size();) {
    if (side[at] == '\\' && at + 1 < side.size()) {
      out.append(side.substr(at, 2));
      at += 2;
      continue;
    }
    if (side[at] != '$') {
      out.push_back(side[at++]);
      continue;
    }
    ++at;
    if (at < side.size() && side[at] == '$') {  // "$$" is a dollar sign
      out.append("\\$");
      ++at;
      continue;
    }
    Modifier modifier;
    if (at < side.size() && side[at] == '{') {
      const auto close = side.find('}', at);
      auto parsed = close == std::string_view::npos ? std::nullopt
                                                    : parse_modifier(side.substr(at + 1, close - at - 1));
      if (!parsed) return std::unexpected("${offset,width,base} with base d, o, x, X, n or N");
      modifier = *parsed;
      at = close + 1;
    }
    const std::int64_t number = static_cast<std::int64_t>(value) + modifier.offset;
    if (number < 0) return std::unexpected("an offset that leaves every number at 0 or more");
    append_value(out, static_cast<std::uint64_t>(number), modifier);
  }
  return {};
}

}  // namespace onoma::wire::detail
