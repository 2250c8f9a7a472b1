// The zones that the registry operates, kept in memory by the writing thread: nearly every command asks for
// one. One thread at a time.
#pragma once

#include <map>
#include <optional>

#include "base/error.h"
#include "model/objects.h"
#include "model/ports.h"

namespace onoma::registry {

class Zones {
 public:
  // Reads them all unless that is up to date.
  Result<void> refresh(model::ObjectReader& reader);
  // They may have changed, or a change was undone.
  void forget() { known_ = false; }

  // The closest zone at or above `name`; null when the name is in none.
  const model::Tld* containing(const model::Name& name) const;
  // The closest zone above `name`.
  const model::Tld* above(const model::Name& name) const;
  const model::Tld* find(const model::Name& name) const;
  // The zone below which identifiers are published: the first by name that has an identifier apex.
  const model::Tld* for_identifiers() const;
  const std::map<model::Name, model::Tld>& all() const { return zones_; }

 private:
  bool known_ = false;
  std::map<model::Name, model::Tld> zones_;
};

}  // namespace onoma::registry
