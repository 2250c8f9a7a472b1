#include "registry/checks.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace onoma::registry {
namespace {

struct Range {
  std::array<std::uint8_t, 16> octets;
  unsigned bits;
  std::string_view what;
  bool test_only;
};

// IANA's special-purpose registries, as far as such an address is of no use to strangers.
constexpr Range kV4[] = {
    {{0}, 8, "an unspecified address", false},
    {{10}, 8, "a private address", true},
    {{100, 64}, 10, "a shared (carrier NAT) address", true},
    {{127}, 8, "a loopback address", true},
    {{169, 254}, 16, "a link-local address", false},
    {{172, 16}, 12, "a private address", true},
    {{192, 0, 2}, 24, "a documentation address", true},
    {{192, 168}, 16, "a private address", true},
    {{198, 18}, 15, "a benchmarking address", true},
    {{198, 51, 100}, 24, "a documentation address", true},
    {{203, 0, 113}, 24, "a documentation address", true},
    {{224}, 4, "a multicast address", false},
    {{240}, 4, "a reserved or broadcast address", false},
};
constexpr Range kV6[] = {
    {{}, 128, "the unspecified address", false},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, "the loopback address", true},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, "an IPv4 address in IPv6 form", false},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 96, "an IPv4 address in IPv6 form", false},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "a documentation address", true},
    {{0x3f, 0xff, 0x00}, 20, "a documentation address", true},
    {{0xfc}, 7, "a private address", true},
    {{0xfe, 0x80}, 10, "a link-local address", false},
    {{0xff}, 8, "a multicast address", false},
};

bool in_range(const std::uint8_t* address, const Range& range) {
  unsigned whole = range.bits / 8, rest = range.bits % 8;
  if (!std::equal(address, address + whole, range.octets.begin())) return false;
  return rest == 0 || (address[whole] >> (8 - rest)) == (range.octets[whole] >> (8 - rest));
}

}  // namespace

Result<void> check_id(std::string_view id) {
  auto permitted = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  };
  if (id.size() >= 3 && id.size() <= 16 && std::ranges::all_of(id, permitted)) return {};
  return fail(Code::bad_syntax, "an id has 3 to 16 letters, digits and hyphens", "id");
}

std::optional<CheckedAddress> check_address(std::string_view text) {
  std::uint8_t octets[16];
  char canonical[INET6_ADDRSTRLEN];
  std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  CheckedAddress out;
  out.is_v6 = text.find(':') != std::string_view::npos;
  int family = out.is_v6 ? AF_INET6 : AF_INET;
  if (inet_pton(family, terminated.c_str(), octets) != 1) return std::nullopt;
  out.text = inet_ntop(family, octets, canonical, sizeof canonical);
  auto ranges = out.is_v6 ? std::span<const Range>(kV6) : std::span<const Range>(kV4);
  for (const auto& range : ranges) {
    if (!in_range(octets, range)) continue;
    out.reserved = range.what;
    out.test_only = range.test_only;
    break;
  }
  return out;
}

Result<std::vector<std::string>> check_addresses(const std::vector<std::string>& addresses, bool test_zone,
                                                 std::string_view field) {
  if (addresses.size() > kMaxHostAddresses)
    return fail(Code::policy_refused,
                fmt::format("a host has at most {} addresses, not {}", kMaxHostAddresses, addresses.size()),
                std::string(field));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto at = fmt::format("{}[{}]", field, i);
    auto checked = check_address(addresses[i]);
    if (!checked)
      return fail(
          Code::bad_syntax,
          fmt::format("\"{}\" is no IP address; write it like 192.0.2.1 or 2001:db8::1", addresses[i]), at);
    if (!checked->reserved.empty() && !(checked->test_only && test_zone))
      return fail(Code::policy_refused,
                  fmt::format("{} is {}, which nobody else can reach{}", checked->text, checked->reserved,
                              checked->test_only ? "; only zones marked as test permit it" : ""),
                  at);
    if (std::ranges::find(out, checked->text) != out.end())
      return fail(Code::bad_syntax, fmt::format("{} is there twice", checked->text), at);
    out.push_back(std::move(checked->text));
  }
  std::ranges::sort(out);
  return out;
}

std::string_view ds_problem(const model::DsData& ds) {
  static constexpr std::uint8_t kAlgorithms[] = {8, 10, 13, 14, 15, 16};
  if (std::ranges::find(kAlgorithms, ds.algorithm) == std::end(kAlgorithms))
    return "the algorithm is not one of 8, 10, 13, 14, 15, 16";
  if (ds.digest_type != 2 && ds.digest_type != 4) return "the digest type is not 2 (SHA-256) or 4 (SHA-384)";
  if (ds.digest.size() != (ds.digest_type == 2 ? 32U : 48U))
    return ds.digest_type == 2 ? "a digest of type 2 has 32 octets" : "a digest of type 4 has 48 octets";
  return {};
}

Result<std::vector<model::DsData>> check_ds(std::vector<model::DsData> ds) {
  if (ds.size() > kMaxDsRecords)
    return fail(Code::policy_refused,
                fmt::format("a domain has at most {} DS records, not {}", kMaxDsRecords, ds.size()), "ds");
  for (std::size_t i = 0; i < ds.size(); ++i) {
    if (auto problem = ds_problem(ds[i]); !problem.empty())
      return fail(Code::policy_refused, std::string(problem), fmt::format("ds[{}]", i));
    for (std::size_t j = 0; j < i; ++j)
      if (ds[i] == ds[j])
        return fail(Code::bad_syntax, "the same DS record is there twice", fmt::format("ds[{}]", i));
  }
  std::ranges::sort(ds);
  return ds;
}

Time add_years(Time time, unsigned years) {
  using namespace std::chrono;
  auto day = floor<days>(time);
  year_month_day date(day);
  date += std::chrono::years{years};
  if (!date.ok()) date = date.year() / date.month() / last;
  return Time(sys_days(date)) + (time - day);
}

Result<std::set<std::string>> change_statuses(const Work& work, const std::set<std::string>& current,
                                              const std::set<std::string>& wanted,
                                              std::span<const std::string_view> words) {
  auto is_server = [](std::string_view status) { return !status.starts_with("client"); };
  for (const auto& status : wanted) {
    bool known = (status.starts_with("client") || status.starts_with("server")) &&
                 std::ranges::find(words, std::string_view(status).substr(6)) != words.end();
    if (current.contains(status)) continue;
    if (!known) {
      return fail(Code::bad_syntax,
                  fmt::format("\"{}\" is no status that can be set; write client or server and one of: {}",
                              status, fmt::join(words, ", ")),
                  "statuses");
    }
    if (is_server(status) && !work.is_operator())
      return fail(Code::forbidden, fmt::format("only an operator may set \"{}\"", status), "statuses");
  }
  auto out = wanted;
  if (!work.is_operator())
    for (const auto& status : current)
      if (is_server(status)) out.insert(status);
  return out;
}

Result<void> check_not_prohibited(const std::set<std::string>& statuses, std::string_view what) {
  for (auto who : {"client", "server"}) {
    auto status = fmt::format("{}{}Prohibited", who, what);
    if (statuses.contains(status))
      return fail(Code::status_prohibits, fmt::format("the status {} forbids this; remove it first", status));
  }
  for (const auto& status : statuses)
    if (status.starts_with("pending"))
      return fail(Code::status_prohibits,
                  fmt::format("the status {} forbids this until it has ended", status));
  return {};
}

Result<std::optional<model::Domain>> superordinate(Work& work, const Name& name) {
  const auto* zone = work.zones.containing(name);
  if (!zone) return std::optional<model::Domain>();
  for (Name at = name; at.label_count() > zone->name.label_count(); at = at.parent()) {
    ONOMA_TRY(auto domain, work.reader.domain(at));
    if (domain) return domain;
  }
  return std::optional<model::Domain>();
}

Result<const model::Tld*> internal_zone(Work& work, const Name& host) {
  const auto* zone = work.zones.containing(host);
  if (!zone || !zone->name.is_root()) return zone;
  ONOMA_TRY(auto domain, superordinate(work, host));
  return domain ? zone : nullptr;
}

}  // namespace onoma::registry
