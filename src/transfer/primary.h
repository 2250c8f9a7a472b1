// A primary as a secondary sees it: whom to ask, the octets of the questions, and what an answer to a SOA
// question says. No sockets.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>

#include "base/rng.h"
#include "base/time.h"
#include "os/address.h"
#include "transfer/incoming.h"
#include "transfer/tsig.h"

namespace onoma::transfer {

struct Primary {
  os::Endpoint endpoint;
  TsigKeyPtr key;  // null: questions and answers are not signed
};

// A question, ready to be sent, and what is needed to know its answer by.
struct Asked {
  Bytes message;
  std::uint16_t id = 0;
  Bytes mac;  // of the message; empty without a key
};

// Both ask for EDNS EXPIRE (RFC 7314).
Asked ask_soa(const wire::Name& zone, const TsigKeyPtr& key, Rng& rng, Time now);
// `have`: the data of the SOA that is served here, for IXFR (RFC 1995 §3).
Asked ask_transfer(const wire::Name& zone, TransferKind kind, ByteView have, std::uint32_t have_ttl,
                   const TsigKeyPtr& key, Rng& rng, Time now);

struct SoaAnswer {
  wire::Soa soa;
  std::optional<std::uint32_t> expire_s;
};
// The fault `mismatch` means that the message answers something else: over UDP it may be a stranger's, and
// the right one may still come. `truncated`: TC is set, ask over TCP. With a key an answer that is not signed
// is not authentic.
std::expected<SoaAnswer, TransferFault> read_soa_answer(ByteView message, const wire::Name& zone,
                                                        const Asked& asked, const TsigKeyPtr& key, Time now);

// Vouches for a stream that answers `asked`. `clock` must outlive it.
class TsigStream final : public StreamCheck {
 public:
  TsigStream(TsigKeyPtr key, const Asked& asked, const Clock& clock)
      : verifier_(std::move(key), asked.mac), clock_(clock) {}
  Result<bool> next(ByteView message) override;

 private:
  TsigVerifier verifier_;
  const Clock& clock_;
};

}  // namespace onoma::transfer
