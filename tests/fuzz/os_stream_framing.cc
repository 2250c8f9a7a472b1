// StreamFraming: the same octets give the same messages, however they are cut. The first octet of the input
// seeds the cuts, the rest is the stream.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "os/stream_framing.h"

namespace {

using namespace onoma;

// The definition: look at the whole stream at once.
std::vector<ByteView> messages_of(ByteView stream, std::size_t& used) {
  std::vector<ByteView> out;
  ByteReader in(stream);
  for (used = 0;; used = in.position()) {
    const auto length = in.u16();
    if (!length) return out;
    const auto message = in.bytes(*length);
    if (!message) return out;
    out.push_back(*message);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView stream(data + 1, size - 1);
  std::size_t used = 0;
  const auto expected = messages_of(stream, used);

  std::uint32_t cut = data[0];
  std::size_t at = 0, seen = 0;
  os::StreamFraming framing;
  while (at < stream.size()) {
    cut = cut * 1664525 + 1013904223;
    // Mostly short pieces, where the edges are; now and then a long one. Without cuts if the seed is 0.
    const std::size_t wanted = data[0] == 0 ? stream.size() : cut >> 30 == 0 ? cut >> 20 : (cut >> 28) % 5;
    const std::size_t piece = std::min(wanted, stream.size() - at);
    framing.add(stream.subspan(at, piece));
    at += piece;
    // Sometimes only one message is taken before more octets come, as from a connection that must wait.
    const bool waits = (cut >> 16 & 3) == 0;
    while (const auto message = framing.next()) {
      CHECK(seen < expected.size() && equal(*message, expected[seen]));
      ++seen;
      if (waits) break;
    }
    if ((cut >> 18 & 1) == 0) framing.settle();
  }
  while (const auto message = framing.next()) {
    CHECK(seen < expected.size() && equal(*message, expected[seen]));
    ++seen;
  }
  CHECK(seen == expected.size());
  CHECK(equal(framing.rest(), stream.subspan(used)));
  return 0;
}
