#include "transfer/access.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace onoma::transfer {
namespace {

constexpr std::size_t kWordsMax = 16;
constexpr std::size_t kZonesMax = 10'000;

std::optional<Transport> transport_of(std::string_view text) {
  if (text == "udp") return Transport::udp;
  if (text == "tcp") return Transport::tcp;
  if (text == "tls") return Transport::tls;
  return std::nullopt;
}

Result<AccessRule> rule_of(std::string_view text, const KeyRing& keys) {
  ONOMA_TRY(const auto words, RuleWords::split(text));
  AccessRule rule;
  if (words.first != "any") {
    ONOMA_TRY(rule.from, os::Prefix::parse(words.first));
  }
  for (const auto& [name, value] : words.pairs) {
    if (name == "key" && !rule.key) {
      ONOMA_TRY(rule.key, key_named(value, keys));
    } else if (name == "over" && !rule.over) {
      rule.over = transport_of(value);
      if (!rule.over) return fail(Code::bad_syntax, fmt::format("over={}: expected udp, tcp or tls", value));
    } else if (name == "zone" && rule.zones.empty()) {
      ONOMA_TRY(rule.zones, zones_of(value));
    } else {
      return fail(
          Code::bad_syntax,
          fmt::format("{}={}: a rule has an address and, each once, key=, over= and zone=", name, value));
    }
  }
  return rule;
}

}  // namespace

Result<RuleWords> RuleWords::split(std::string_view text) {
  RuleWords out;
  for (std::size_t count = 0;; ++count) {
    const auto start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) break;
    if (count >= kWordsMax) return fail(Code::too_large, fmt::format("more than {} words", kWordsMax));
    text.remove_prefix(start);
    const auto word = text.substr(0, std::min(text.find_first_of(" \t"), text.size()));
    text.remove_prefix(word.size());
    if (count == 0) {
      out.first = word;
      continue;
    }
    const auto sign = word.find('=');
    if (sign == std::string_view::npos || sign == 0 || sign + 1 == word.size())
      return fail(Code::bad_syntax,
                  fmt::format("{}: expected NAME=VALUE, such as key=transfer.example.", word));
    out.pairs.emplace_back(word.substr(0, sign), word.substr(sign + 1));
  }
  if (out.first.empty()) return fail(Code::missing_field, "an empty rule; it begins with an address");
  return out;
}

Result<std::vector<wire::Name>> zones_of(std::string_view value) {
  std::vector<wire::Name> out;
  while (!value.empty()) {
    const auto text = value.substr(0, value.find(','));
    value.remove_prefix(std::min(text.size() + 1, value.size()));
    const auto name = wire::Name::parse(text);
    if (!name) return fail(Code::bad_syntax, fmt::format("zone={}: not a domain name", text));
    if (out.size() >= kZonesMax) return fail(Code::too_large, fmt::format("more than {} zones", kZonesMax));
    out.push_back(*name);
  }
  return out;
}

Result<TsigKeyPtr> key_named(std::string_view name, const KeyRing& keys) {
  const auto parsed = wire::Name::parse(name);
  auto key = parsed ? keys.find(*parsed) : nullptr;
  if (!key)
    return fail(Code::not_found,
                fmt::format("key={}: no such key{}", name, keys.empty() ? "; there is no file of keys" : ""));
  return key;
}

Result<AccessRule> AccessRule::parse(std::string_view text, const KeyRing& keys) {
  auto rule = rule_of(text, keys);
  if (!rule) return fail_in(fmt::format("rule \"{}\"", text), rule.error());
  return rule;
}

bool AccessRule::fits(const Requester& requester, wire::NameView zone) const {
  if (from && !from->contains(requester.address)) return false;
  if (key && (requester.key == nullptr || requester.key->name() != key->name())) return false;
  if (over && *over != requester.transport) return false;
  return zones.empty() ||
         std::ranges::any_of(zones, [&](const wire::Name& one) { return equal(one.view(), zone); });
}

Result<AccessList> AccessList::parse(const std::vector<std::string>& texts, const KeyRing& keys) {
  AccessList out;
  if (texts.size() > kRulesMax) return fail(Code::too_large, fmt::format("more than {} rules", kRulesMax));
  for (const auto& text : texts) {
    ONOMA_TRY(auto rule, AccessRule::parse(text, keys));
    out.rules_.push_back(std::move(rule));
  }
  return out;
}

bool AccessList::allows(const Requester& requester, wire::NameView zone) const {
  return std::ranges::any_of(rules_, [&](const AccessRule& rule) { return rule.fits(requester, zone); });
}

}  // namespace onoma::transfer
