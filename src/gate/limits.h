// The limits on change: a step that takes away or bends more of a zone than is usual, or touches what
// everything hangs from (the apex NS and DNSKEY sets), waits for a person. They say nothing about right or
// wrong, which is the gate's part, and know no history: the caller adds up what the last hour changed.
//
// Any thread; stateless.
#pragma once

#include <memory>

#include "zone/change_limits.h"

namespace onoma::gate {

struct LimitOptions {
  // So many of the zone's delegations may change in a version, and in an hour: the larger of the two. The
  // same share of its names may go.
  double percent = 1.0;
  std::uint64_t least = 50;
  bool additions = true;  // delegations that come count too
  bool apex = true;       // any change of the apex NS or DNSKEY set is too much
};

std::shared_ptr<const zone::ChangeLimits> make_limits(LimitOptions options);

}  // namespace onoma::gate
