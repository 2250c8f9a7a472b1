// Any octets as a DNSSEC public key and a signature: an error or false, never a crash. Layout of an input:
// algorithm number, size of the key field (2 octets), key field, signature; the message is all of it.
#include <cstdlib>

#include "crypto/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onoma;
  ByteReader reader(ByteView(data, size));
  const auto number = reader.u8();
  const auto key_size = reader.u16();
  if (!number || !key_size) return 0;
  const auto field = reader.bytes(*key_size);
  if (!field) return 0;
  const auto algorithm = crypto::algorithm_from(*number);
  auto key = crypto::PublicKey::from_dnskey(static_cast<crypto::Algorithm>(*number), *field);
  if (!key) return 0;
  if (!algorithm || key->algorithm() != *algorithm) std::abort();
  const ByteView message(data, size);
  const bool valid = key->verify(message, reader.rest());
  if (valid != key->verify(message, reader.rest())) std::abort();
  return 0;
}
