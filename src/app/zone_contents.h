// A zone file as the registry sees it: SOA values, apex records, delegations and hosts. For `onoma zone
// import`. Pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "model/objects.h"
#include "wire/rdata.h"

namespace onoma::app {

using wire::Name;

struct FoundDelegation {
  Name name;
  std::vector<Name> name_servers;  // canonical order
  std::uint32_t ns_ttl_s = 0;
  std::vector<model::DsData> ds;  // sorted
  std::uint32_t ds_ttl_s = 0;
  bool operator==(const FoundDelegation&) const = default;
};
struct FoundHost {
  Name name;
  std::vector<std::string> addresses;  // as the registry writes them, sorted
  std::uint32_t a_ttl_s = 0, aaaa_ttl_s = 0;
  bool operator==(const FoundHost&) const = default;
};

struct ZoneContents {
  Name zone;
  wire::Soa soa;
  std::uint32_t soa_ttl_s = 0;
  std::vector<model::ApexRecord> apex;       // without the SOA and what a signer makes
  std::vector<FoundDelegation> delegations;  // in canonical order, as the hosts
  std::vector<FoundHost> hosts;
  std::unordered_map<Name, std::size_t> delegation_at, host_at;  // places in the lists
  std::string denial;          // "nsec", "nsec3", "nsec3_opt_out", or empty: the file is not signed
  std::size_t max_labels = 1;  // of a delegation, below the zone
  std::size_t records = 0;
  std::map<std::string, std::size_t> left_out;  // why → how many records
};

// Refuses what is no whole zone: text that cannot be read, not exactly one SOA, no NS at the apex.
Result<ZoneContents> read_contents(std::string_view text, const Name& zone, const std::string& file_name);

// The members of a tld that the file decides.
std::string tld_json(const ZoneContents& contents, const std::string& denial, bool create);
std::string delegation_json(const FoundDelegation& delegation);
std::string host_json(const FoundHost& host);
std::string removal_json(const Name& name);

}  // namespace onoma::app
