// Checks that several objects share. Pure, but for those that take a Work, which read through it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "registry/work.h"

namespace onoma::registry {

// Registrar and contact ids: 3–16 letters, digits and hyphens.
Result<void> check_id(std::string_view id);

// An IP address in canonical text (RFC 5952 for IPv6), and why it may not stand in a zone, or empty.
struct CheckedAddress {
  std::string text;
  bool is_v6 = false;
  std::string_view reserved;  // "a private address"; empty for an address of the public Internet
  bool test_only = false;     // permitted in zones marked as test
};
std::optional<CheckedAddress> check_address(std::string_view text);

inline constexpr std::size_t kMaxHostAddresses = 13;
// Canonical, sorted, without doubles. Errors: bad_syntax, policy_refused; field "addresses[1]" below `field`.
Result<std::vector<std::string>> check_addresses(const std::vector<std::string>& addresses, bool test_zone,
                                                 std::string_view field);

inline constexpr std::size_t kMaxDsRecords = 8;
// What policy has against this DS data, or empty (registry reference §1.6).
std::string_view ds_problem(const model::DsData& ds);
// Sorted, without doubles. Errors: policy_refused, bad_syntax; field "ds[0]".
Result<std::vector<model::DsData>> check_ds(std::vector<model::DsData> ds);

// `years` later, at the same time of day; 29 February becomes the 28th (registry reference §1.1).
Time add_years(Time time, unsigned years);

// The statuses after a client asked for `wanted`: its own are replaced, the server's only by an operator.
// `prefixes` are the words behind client and server ("Hold", "UpdateProhibited" …).
Result<std::set<std::string>> change_statuses(const Work& work, const std::set<std::string>& current,
                                              const std::set<std::string>& wanted,
                                              std::span<const std::string_view> words);
// status_prohibits if clientX or serverX is set.
Result<void> check_not_prohibited(const std::set<std::string>& statuses, std::string_view what);

// The registered domain at or above `name`, the closest one; nullopt when there is none within the zone.
Result<std::optional<model::Domain>> superordinate(Work& work, const Name& name);

// The zone that makes a host an internal one; null for an external host. Every name lies in the root zone, so
// there only hosts of registered domains count.
Result<const model::Tld*> internal_zone(Work& work, const Name& host);

}  // namespace onoma::registry
