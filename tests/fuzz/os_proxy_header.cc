// read_proxy_header: whatever it takes stays within its bounds, does not depend on what follows, and is
// announced as incomplete at every shorter length.
#include "base/check.h"
#include "os/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onoma;
  const ByteView in(data, size);
  const auto header = os::read_proxy_header(in);
  if (!header) return 0;
  CHECK(header->size >= 16 && header->size <= size && header->size <= os::kProxyHeaderMax);
  const auto alone = os::read_proxy_header(in.first(header->size));
  CHECK(alone && alone->size == header->size && alone->source == header->source);
  for (std::size_t shorter = 0; shorter < header->size; ++shorter) {
    const auto part = os::read_proxy_header(in.first(shorter));
    CHECK(!part && part.error() == os::ProxyError::incomplete);
  }
  return 0;
}
