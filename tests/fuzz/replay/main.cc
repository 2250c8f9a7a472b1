// Runs a fuzz target without libFuzzer: on nothing, on each seed file of the folders named on the command
// line, and on each seed cut short and with single octets changed. It fails by crashing, as a fuzz target
// does.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

// Ends of ranges, and the mark of a DNS compression pointer.
constexpr std::uint8_t kOctets[] = {0x00, 0x7f, 0xc0, 0xff};

// A copy of exactly this size on the heap, so that a sanitizer sees a read one octet too far.
void feed(const Input& input, std::size_t size) {
  const Input exact(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void feed_damaged(Input input) {
  feed(input, input.size());
  // At most some 64 places, spread evenly: long seeds must not make the suite slow.
  const std::size_t step = input.size() / 64 + 1;
  for (std::size_t at = 0; at < input.size(); at += step) {
    feed(input, at);
    const auto kept = input[at];
    for (const std::uint8_t octet : kOctets) {
      input[at] = octet;
      feed(input, input.size());
    }
    input[at] = kept;
  }
}

}  // namespace

int main(int argc, char** argv) {
  feed({}, 0);
  std::size_t seeds = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      feed_damaged(Input(std::istreambuf_iterator<char>(file), {}));
      ++seeds;
    }
  }
  std::printf("%zu seeds\n", seeds);
  return 0;
}
