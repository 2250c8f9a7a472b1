// Internal to publish: a held version as octets (docs/formats/held.md), without the sum at a file's end. Pure
// functions.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "publish/held.h"

namespace onoma::publish {

// `with_diff` false: the change is left out, as one that is too large to keep.
Bytes encode_held(const HeldVersion& version, bool with_diff);
// Error: corrupt.
Result<HeldVersion> decode_held(ByteView octets);

std::unexpected<Error> damaged_held();

}  // namespace onoma::publish
