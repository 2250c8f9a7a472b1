// TSIG: what is found in a message is written again and must be the same message; requests and answers are
// checked against a key without harm.
#include <cstdlib>

#include "transfer/tsig.h"

using namespace onoma;
using namespace onoma::transfer;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

void write_again(ByteView input) {
  wire::Tsig tsig;
  std::size_t start = 0;
  const auto search = wire::find_tsig(input, tsig, start);
  demand(search == wire::TsigSearch::none ? !wire::carries_tsig(input) : wire::carries_tsig(input));
  if (search != wire::TsigSearch::found) return;
  Bytes message(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(start));
  store_u16(&message[10], static_cast<std::uint16_t>(load_u16(&message[10]) - 1));
  if (!wire::append_tsig(message, tsig)) return;  // grew: the key's name was compressed
  wire::Tsig again;
  demand(wire::find_tsig(message, again, start) == wire::TsigSearch::found);
  demand(again.key == tsig.key && again.algorithm == tsig.algorithm && again.mac == tsig.mac &&
         again.time_s == tsig.time_s && again.other == tsig.other && again.error == tsig.error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  write_again(input);
  const auto now = from_unix_seconds(0x6b065e0e);
  Bytes secret(32);
  for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::uint8_t>(i + 1);
  const auto key =
      std::make_shared<const TsigKey>(*wire::Name::parse("key.example."), TsigAlgorithm::hmac_sha256, secret);
  KeyRing ring;
  if (!ring.add(key)) std::abort();
  const auto check = check_request(input, ring, now);
  demand(check.size <= size);
  if (check.verdict == TsigCheck::Verdict::good || check.verdict == TsigCheck::Verdict::refused) {
    TsigSigner signer(check);
    Bytes answer(input.begin(), input.begin() + wire::kHeaderOctets);
    store_u16(&answer[10], 0);
    const auto before = answer.size();
    demand(signer.sign(answer, now) && answer.size() - before <= signer.octets());
  }
  TsigVerifier verifier(key, Bytes(32));
  demand(!verifier.add(input, now) || size >= wire::kHeaderOctets);
  KeyRing other;
  static_cast<void>(KeyRing::read(as_text(input), "input", other));
  return 0;
}
