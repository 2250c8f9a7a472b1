#include "registry/zones.h"

namespace onoma::registry {

Result<void> Zones::refresh(model::ObjectReader& reader) {
  if (known_) return {};
  ONOMA_TRY(auto tlds, reader.tlds());
  zones_.clear();
  for (auto& tld : tlds) {
    auto name = tld.name;
    zones_.emplace(std::move(name), std::move(tld));
  }
  known_ = true;
  return {};
}

const model::Tld* Zones::find(const model::Name& name) const {
  auto found = zones_.find(name);
  return found == zones_.end() ? nullptr : &found->second;
}

const model::Tld* Zones::containing(const model::Name& name) const {
  for (model::Name at = name;; at = at.parent()) {
    if (const auto* tld = find(at)) return tld;
    if (at.is_root()) return nullptr;
  }
}

const model::Tld* Zones::above(const model::Name& name) const {
  return name.is_root() ? nullptr : containing(name.parent());
}

const model::Tld* Zones::for_identifiers() const {
  for (const auto& [name, tld] : zones_)
    if (tld.identifier_apex) return &tld;
  return nullptr;
}

}  // namespace onoma::registry
