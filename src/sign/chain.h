// Internal to sign: mends an NSEC or NSEC3 chain around links that came, went or changed their types.
// Links are named by their place in the chain: the sort key of the owner (NSEC) or the hash (NSEC3). Used on
// one thread.
//
// For every change the neighbours in the old chain are looked up, one before and one behind. Together with
// the changes they hold every link whose successor changed, and that successor; so the new chain can be read
// off their order alone, without walking the rest.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "sign/rules.h"
#include "zone/snapshot.h"

namespace onoma::sign {

class ChainMender {
 public:
  // `before` must outlive the mender and have a chain of this kind.
  ChainMender(const zone::Snapshot& before, bool uses_nsec3) : before_(before), uses_nsec3_(uses_nsec3) {}

  // A link that was, is, or was and is in the chain, with its new types. Each key once.
  // Errors: corrupt, if the chain is broken where it is looked at.
  Result<void> add(const std::string& key, bool was, bool is, std::vector<RRType> types);

  struct Link {
    std::string key;
    bool present = false;  // false: the record goes
    std::string next;
    std::vector<RRType> types;
  };
  // Every record that may have to change, in order. Used once. Errors: as add().
  Result<std::vector<Link>> finish();

 private:
  struct Entry {
    bool added = false;   // by add(): `present` and `types` are known
    bool present = true;  // in the new chain
    bool was = true;
    bool rewrite = false;                      // its record may change
    std::optional<std::vector<RRType>> types;  // else as in `before`
  };
  struct Record {
    std::string key, next;
    std::vector<RRType> types;
  };
  Result<Record> read(const std::optional<zone::NodeView>& node) const;
  Result<Record> at_or_before(std::string_view key) const;
  Result<Record> strictly_before(std::string_view key) const;

  const zone::Snapshot& before_;
  bool uses_nsec3_;
  std::map<std::string, Entry> entries_;
};

}  // namespace onoma::sign
