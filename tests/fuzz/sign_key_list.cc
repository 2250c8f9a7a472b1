// parse_key_list: whatever it takes, it keeps its limits, and its file names stay inside the directory.
#include "base/check.h"
#include "sign/key_store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto list = onoma::sign::parse_key_list(onoma::as_text({data, size}));
  if (!list) return 0;
  CHECK(list->entries.size() <= 100);
  CHECK(onoma::sign::file_stem(list->zone).find('/') == std::string::npos);
  for (const auto& entry : list->entries) {
    const auto again = onoma::sign::make_state(onoma::sign::state_name(entry.state), {});
    CHECK(again.has_value());
  }
  return 0;
}
