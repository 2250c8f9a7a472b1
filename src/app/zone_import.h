// onoma zone import: a zone file into the registry. First time: the tld object is made as the file says, then
// hosts and delegations are sent. With `diff` the file is the next version: what the registry has is compared
// with it, and only changes are sent, removals among them. Sending again does no harm, so an import that
// broke off is resumed by running it again. Runs on the caller's thread and those of ImportSender.
#pragma once

#include <functional>
#include <string>

#include "app/client.h"
#include "app/import_sender.h"
#include "app/zone_contents.h"

namespace onoma::app {

struct ImportOptions {
  std::string file;
  Name zone;
  bool diff = false;
  bool allow_mass_removal = false;
  std::string denial;  // word of the tld's denial policy; empty: as in the file, else the registry's default
};

struct ImportReport {
  std::uint32_t serial = 0;                                          // of the file
  std::size_t delegations = 0, hosts = 0, ds_sets = 0, records = 0;  // in the file
  bool tld_created = false, tld_changed = false;
  std::size_t sent = 0, removed_delegations = 0, removed_hosts = 0;
  std::map<std::string, std::size_t> left_out;
  ImportTotals totals;
  double registered_s = 0;  // from the start until the registry had acknowledged everything
  std::string zone_json;    // the zone as it is served afterwards; empty when it is not yet
  std::string visibility;   // "visible", "unchanged", "held", "pending"
};

// `progress`: objects done and objects in all.
Result<ImportReport> import_zone(const Access& access, const ImportOptions& options,
                                 const std::function<void(std::size_t done, std::size_t all)>& progress);

}  // namespace onoma::app
