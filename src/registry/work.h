// One command under way: what policy needs to decide it, and how it writes. Lives on the writing thread,
// inside a savepoint. Every object that policy puts or erases goes into the event.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "model/command.h"
#include "model/event.h"
#include "model/json.h"
#include "registry/zones.h"
#include "store/store.h"

namespace onoma::registry {

using model::Name;

struct Work {
  store::WriteTransaction& transaction;
  store::Reader& reader;
  Zones& zones;
  const model::Context& context;
  const model::Registrar& actor;
  Time now;
  Rng& rng;
  model::Event event{};
  model::Outcome outcome{};

  bool is_operator() const { return actor.role == model::Role::operator_; }
  // forbidden unless the actor is an operator.
  Result<void> need_operator() const;
  // forbidden unless the actor may register in this zone.
  Result<void> need_grant(const model::Tld& tld) const;
  // forbidden unless the actor sponsors the object or is an operator.
  Result<void> need_sponsor(const model::Origin& origin) const;
  // revision_conflict if the client saw another revision than this. For a new object `origin` is null.
  Result<void> need_revision(const model::Origin* origin) const;

  // Writes a new object (before == null) or a changed one; an unchanged one is left alone unless
  // `even_if_same`. Sets everything in its origin, but keeps a sponsor that policy has set; a changed object
  // keeps its origin.
  template <class T>
  Result<void> put(T& after, const T* before, bool even_if_same = false);
  template <class T>
  Result<void> erase(const T& object);

  // What the client is shown.
  template <class T>
  void show(const T& object) {
    outcome.object = model::to_json(object);
    outcome.revision = object.origin.revision;
  }
};

// The key of an object in an event.
std::string key_of(const model::Tld& object);
std::string key_of(const model::Registrar& object);
std::string key_of(const model::Contact& object);
std::string key_of(const model::Host& object);
std::string key_of(const model::Domain& object);
std::string key_of(const model::Identifier& object);

}  // namespace onoma::registry
