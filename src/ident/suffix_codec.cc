#include "ident/suffix_codec.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "ident/text.h"

namespace onoma::ident {
namespace {

using wire::Name;
using wire::NameView;

constexpr std::size_t kChunk = 60;
constexpr std::string_view kFirst = "x--", kNext = "y--", kHashed = "h--", kObjects = "_h";

std::unexpected<Error> no_such_name(NameView name) {
  return fail(Code::not_found, fmt::format("{} is no identifier's name", name.text()));
}

Result<std::string> encode_arc(const std::string& arc) {
  if (is_plain_label(arc)) return arc;
  const auto encoded = base32hex(as_bytes(arc));
  if (arc.empty() || encoded.size() > kChunk)
    return fail(Code::bad_syntax,
                fmt::format("the part {} of the prefix cannot be written as a DNS label; at most 37 "
                            "octets are possible",
                            detail::quoted(arc)));
  return std::string(kFirst) + encoded;
}

std::expected<Name, wire::WireError> prepend(std::string_view label, NameView parent) {
  return Name::prepend(as_bytes(label), parent);
}

// nullopt: does not fit.
std::optional<Name> plain_or_encoded(std::string_view suffix, const Name& tail) {
  if (is_plain_label(suffix)) {
    if (auto name = prepend(suffix, tail)) return *std::move(name);
  }
  const auto encoded = base32hex(as_bytes(suffix));
  if (encoded.size() > wire::kMaxNameOctets) return std::nullopt;
  Name name = tail;
  std::size_t at = 0;
  do {
    std::string label(at == 0 ? kFirst : kNext);
    label += std::string_view(encoded).substr(at, kChunk);
    auto longer = prepend(label, name);
    if (!longer) return std::nullopt;
    name = *std::move(longer);
    at += kChunk;
  } while (at < encoded.size());
  return name;
}

Result<Name> objects_node(std::span<const std::string> arcs, NameView node) {
  ONOMA_TRY(const auto prefix, prefix_name(arcs, node));
  auto tail = prepend(kObjects, prefix);
  if (!tail) return fail(Code::too_large, "the prefix is too long to have DNS names below it");
  return *std::move(tail);
}

Result<Name> hashed_below(std::string_view suffix, const Name& tail) {
  const auto digest = crypto::sha256(as_bytes(suffix));
  auto name = prepend(std::string(kHashed) + base32hex(digest), tail);
  if (!name) return fail(Code::too_large, "the prefix is too long to have DNS names below it");
  return *std::move(name);
}

std::optional<std::string> decode_utf8(std::string_view encoded) {
  const auto octets = from_base32hex(encoded);
  if (!octets || !is_utf8(as_text(*octets))) return std::nullopt;
  return std::string(as_text(*octets));
}

// Labels leftmost first.
std::optional<std::string> decode_suffix(std::span<const std::string> labels) {
  if (labels.size() == 1 && is_plain_label(labels[0])) return labels[0];
  if (!labels.back().starts_with(kFirst)) return std::nullopt;
  std::string encoded;
  for (std::size_t i = labels.size(); i-- > 0;) {
    const auto mark = i + 1 == labels.size() ? kFirst : kNext;
    if (!labels[i].starts_with(mark)) return std::nullopt;
    const auto chunk = std::string_view(labels[i]).substr(mark.size());
    if (i > 0 && chunk.size() != kChunk) return std::nullopt;
    if (chunk.empty() && labels.size() > 1) return std::nullopt;
    encoded += chunk;
  }
  return decode_utf8(encoded);
}

std::optional<std::string> decode_arc(const std::string& label) {
  if (is_plain_label(label)) return label;
  if (!label.starts_with(kFirst)) return std::nullopt;
  return decode_utf8(std::string_view(label).substr(kFirst.size()));
}

}  // namespace

bool is_plain_label(std::string_view text) {
  if (text.empty() || text.size() > wire::kMaxLabelOctets) return false;
  for (char c : text)
    if (!(c >= 'a' && c <= 'z') && !detail::is_digit(c) && c != '-') return false;
  if (text.front() == '-' || text.back() == '-') return false;
  if (text.size() >= 4 && text[2] == '-' && text[3] == '-') return false;
  return !text.starts_with(kFirst) && !text.starts_with(kNext) && !text.starts_with(kHashed);
}

Result<Name> prefix_name(std::span<const std::string> arcs, NameView node) {
  Name name = node;
  for (const auto& arc : arcs) {
    ONOMA_TRY(const auto label, encode_arc(arc));
    auto longer = prepend(label, name);
    if (!longer) return fail(Code::too_large, "the prefix is too long for a DNS name");
    name = *std::move(longer);
  }
  return name;
}

Result<Name> suffix_name(std::string_view suffix, std::span<const std::string> arcs, NameView node) {
  ONOMA_TRY(const auto tail, objects_node(arcs, node));
  if (auto name = plain_or_encoded(suffix, tail)) return *std::move(name);
  return hashed_below(suffix, tail);
}

Result<Name> hashed_name(std::string_view suffix, std::span<const std::string> arcs, NameView node) {
  ONOMA_TRY(const auto tail, objects_node(arcs, node));
  return hashed_below(suffix, tail);
}

Result<DecodedName> decode_suffix_name(NameView name, NameView node) {
  if (!name.is_at_or_below(node)) return no_such_name(name);
  std::vector<std::string> labels;  // leftmost first
  for (NameView at = name; at.size() > node.size(); at = at.parent())
    labels.push_back(detail::lower(as_text(at.first_label())));

  DecodedName out;
  auto mark = labels.size();  // index of the rightmost _h
  for (auto i = labels.size(); i-- > 0 && mark == labels.size();)
    if (labels[i] == kObjects) mark = i;
  const bool has_mark = mark < labels.size();
  for (auto i = labels.size(); i-- > (has_mark ? mark + 1 : 0);) {
    auto arc = decode_arc(labels[i]);
    if (!arc) return no_such_name(name);
    out.arcs.push_back(*std::move(arc));
  }
  Result<Name> again = Name{};
  if (!has_mark) {
    again = prefix_name(out.arcs, node);
  } else if (mark == 0) {
    return no_such_name(name);
  } else if (mark == 1 && labels[0].starts_with(kHashed)) {
    const auto digest = from_base32hex(std::string_view(labels[0]).substr(kHashed.size()));
    if (!digest || digest->size() != 32) return no_such_name(name);
    std::ranges::copy(*digest, out.hash.emplace().begin());
    // The hash itself cannot be checked without the suffix; the arcs can.
    ONOMA_TRY(const auto tail, objects_node(out.arcs, node));
    auto hashed = prepend(std::string(kHashed) + base32hex(*digest), tail);
    if (!hashed) return no_such_name(name);
    again = *std::move(hashed);
  } else {
    auto suffix = decode_suffix(std::span(labels).first(mark));
    if (!suffix) return no_such_name(name);
    again = suffix_name(*suffix, out.arcs, node);
    out.suffix = *std::move(suffix);
  }
  if (!again || !wire::equal(again->view(), name)) return no_such_name(name);
  return out;
}

}  // namespace onoma::ident
