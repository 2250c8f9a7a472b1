// Who may do what: rules that bind an address, a TSIG key, a transport and zones together. A request must fit
// one rule as a whole; where there is no rule, nobody may. Immutable: any thread.
//
// A rule is a line of words: the address first, then what else must hold, in any order.
//   192.0.2.0/24                          anybody there, signed or not
//   2001:db8::53 key=transfer.example.    signed with this key
//   any key=a.example. over=tls zone=gov. from anywhere, over TLS, one zone (several: commas between them)
// `over` is udp, tcp or tls (tls: nothing in clear text fits); without it every transport fits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "os/prefix.h"
#include "transfer/tsig_key.h"
#include "wire/name.h"

namespace onoma::transfer {

enum class Transport : std::uint8_t { udp, tcp, tls };

// A request, as rules see it.
struct Requester {
  ByteView address;  // 4 or 16 octets
  Transport transport = Transport::udp;
  const TsigKey* key = nullptr;  // that its signature was verified with; null: not signed
};

struct AccessRule {
  std::optional<os::Prefix> from;  // absent: any address
  TsigKeyPtr key;                  // null: signed or not
  std::optional<Transport> over;
  std::vector<wire::Name> zones;  // empty: every zone

  // `keys` must have the key named.
  static Result<AccessRule> parse(std::string_view text, const KeyRing& keys);
  bool fits(const Requester& requester, wire::NameView zone) const;
};

class AccessList {
 public:
  static constexpr std::size_t kRulesMax = 10'000;

  AccessList() = default;
  static Result<AccessList> parse(const std::vector<std::string>& texts, const KeyRing& keys);
  bool empty() const { return rules_.empty(); }
  bool allows(const Requester& requester, wire::NameView zone) const;

 private:
  std::vector<AccessRule> rules_;
};

// The words of a rule or a target: the first one, and NAME=VALUE pairs. Fails for more than 16 words.
struct RuleWords {
  std::string_view first;
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  static Result<RuleWords> split(std::string_view text);
};
// The values of `zone=`: names between commas, at most 10,000.
Result<std::vector<wire::Name>> zones_of(std::string_view value);
Result<TsigKeyPtr> key_named(std::string_view name, const KeyRing& keys);

}  // namespace onoma::transfer
