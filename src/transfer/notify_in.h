// NotifyTarget: where a door takes a NOTIFY (RFC 1996) that it has read and whose TSIG it has checked. The
// door answers from what it is told: accepted NOERROR, not_secondary NOTAUTH, refused REFUSED. Any thread;
// returns at once: the zone is checked later, the serial is only a hint.
#pragma once

#include <cstdint>
#include <optional>

#include "os/address.h"
#include "wire/name.h"

namespace onoma::transfer {

enum class NotifyVerdict : std::uint8_t {
  accepted,
  not_secondary,  // the zone is not one that is transferred to here
  refused,        // not from one of the zone's primaries, or not signed with its key
};

class NotifyTarget {
 public:
  virtual ~NotifyTarget() = default;
  // `key`: of the TSIG, which was found to be good; null: not signed. `serial`: of the SOA in the answer
  // section.
  virtual NotifyVerdict notify(wire::NameView zone, const os::Endpoint& from, const wire::Name* key,
                               std::optional<std::uint32_t> serial) = 0;
};

}  // namespace onoma::transfer
