// Endpoint::parse: whatever it takes, its own text must give the same endpoint again.
#include "base/check.h"
#include "os/address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto first = onoma::os::Endpoint::parse(onoma::as_text({data, size}));
  if (!first) return 0;
  const auto second = onoma::os::Endpoint::parse(first->text());
  CHECK(second && *second == *first);
  return 0;
}
