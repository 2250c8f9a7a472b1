// A zone version as master-file text, piece by piece: the same text as zone::zone_text, without ever holding
// all of it.
#pragma once

#include "front/rest/http_server.h"
#include "zone/snapshot.h"

namespace onoma::front {

// Keeps the snapshot alive. Pulled from one thread at a time.
BodySource zone_source(zone::SnapshotPtr snapshot);

}  // namespace onoma::front
