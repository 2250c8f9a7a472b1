// Checking and making TSIG (RFC 8945): requests that come (check_request), what is sent (TsigSigner), answers
// that come (TsigVerifier), single or in a stream. No clock of their own; an object belongs to one thread at
// a time.
//
// Truncated MACs are not accepted: one of a permitted length is answered with BADTRUNC, a shorter one with
// FORMERR. MACs are compared in constant time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "transfer/tsig_key.h"
#include "wire/tsig.h"

namespace onoma::transfer {

inline constexpr std::uint16_t kTsigFudge = 300;  // seconds

// What the TSIG of a request says.
struct TsigCheck {
  enum class Verdict : std::uint8_t {
    unsigned_request,
    good,
    malformed,  // FORMERR, answered without TSIG
    refused,    // NOTAUTH, with a TSIG that carries `tsig.error`
  };
  Verdict verdict = Verdict::unsigned_request;
  TsigKeyPtr key;  // set when good, and when refused for time or truncation: then the answer is signed
  wire::Tsig
      tsig;  // of the request; `error` is what the answer is to say. Not for unsigned and malformed ones
  std::size_t size = 0;  // of the request without its TSIG
};
TsigCheck check_request(ByteView message, const KeyRing& keys, Time now);

// Signs requests, or all answers to one request.
class TsigSigner {
 public:
  explicit TsigSigner(TsigKeyPtr key) : key_(std::move(key)) {}  // REQUIRES: not null
  // For answers. A request refused for its key or MAC gets an empty MAC. REQUIRES: verdict good or refused.
  explicit TsigSigner(const TsigCheck& request);

  // Adds the TSIG to a whole message. The first one covers the request's MAC and all variables, later ones
  // the MAC before and the timers. False when it does not fit.
  bool sign(Bytes& message, Time now);
  std::size_t octets() const;            // that sign() adds to a message, at most
  ByteView mac() const { return mac_; }  // of what was signed last; for a TsigVerifier of the answers

 private:
  TsigKeyPtr key_;  // null: an unsigned error
  wire::Tsig error_;
  Bytes mac_;
  bool answers_ = false, later_ = false;
};

// What can be wrong with an answer.
enum class TsigFault : std::uint8_t {
  missing,  // not signed where it must be
  malformed,
  badkey,  // another key or algorithm
  badsig,
  badtime,
  badtrunc,
  peer_error  // the peer says so, see TsigVerifier::peer_error
};
std::string_view describe(TsigFault fault);  // one sentence, static storage

// Checks the answers to a request that a TsigSigner signed. At most kUnsignedMax messages without TSIG
// between signed ones (RFC 8945 §5.3.1 asks for tolerance); the first must be signed, and so must the last:
// see complete().
class TsigVerifier {
 public:
  static constexpr unsigned kUnsignedMax = 99;
  TsigVerifier(TsigKeyPtr key, ByteView request_mac);

  // The next message: its size without the TSIG. After a fault nothing more is to be believed.
  std::expected<std::size_t, TsigFault> add(ByteView message, Time now);
  // Was the newest message signed? An answer that ends otherwise is cut off.
  bool complete() const { return unsigned_ == 0 && later_; }
  wire::TsigError peer_error() const { return peer_error_; }

 private:
  TsigKeyPtr key_;
  TsigMac running_;
  unsigned unsigned_ = 0;
  bool later_ = false;
  wire::TsigError peer_error_ = wire::TsigError::none;
};

}  // namespace onoma::transfer
