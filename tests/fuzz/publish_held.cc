// decode_held: whatever it takes is a held version that is written and read again as the same.
#include "base/check.h"
#include "publish/held_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onoma::publish;
  const auto version = decode_held({data, size});
  if (!version) return 0;
  const auto octets = encode_held(*version, true);
  const auto again = decode_held(octets);
  CHECK(again.has_value());
  CHECK(again->zone == version->zone && again->serial == version->serial && again->kind == version->kind);
  CHECK(again->reason == version->reason && again->diff.changes.size() == version->diff.changes.size());
  CHECK(encode_held(*again, true) == octets);
  return 0;
}
