// Event: what one command changed. Immutable once written. `id` was made by the door and told to the client;
// `seq` is the place in the one order of all changes, from 1, without gaps. Holds no secrets; personal data
// only sealed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"

namespace onoma::model {

enum class ObjectKind : std::uint8_t { tld, registrar, contact, host, domain, identifier };

// One object before and after, each in the JSON form of model/json.h; empty: the object did not or does not
// exist.
struct Change {
  ObjectKind kind{};
  std::string
      key;  // domain, host, tld: name without final dot ("." for the root); identifier: "scheme:canonical"
  std::string before, after;
};

struct Event {
  std::uint64_t seq = 0;
  Id128 id;
  Time time{};
  std::string actor;            // registrar id
  std::string command;          // "domain.create"
  std::vector<Change> changes;  // at most 4,000; a bulk command's objects are at most 1,000
};

}  // namespace onoma::model
