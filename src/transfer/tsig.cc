#include "transfer/tsig.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "crypto/secret.h"

namespace onoma::transfer {

using wire::Tsig;
using wire::TsigError;

namespace {

std::uint64_t seconds_of(Time now) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, unix_seconds(now)));
}

bool in_time(const Tsig& tsig, Time now) {
  const auto here = seconds_of(now);
  const auto apart = here > tsig.time_s ? here - tsig.time_s : tsig.time_s - here;
  return apart <= tsig.fudge_s;
}

// The message up to its TSIG, or all of it.
void cover(TsigMac& mac, ByteView message, std::uint16_t original_id, bool carries) {
  mac.update(wire::tsig_header(message, original_id, carries));
  mac.update(message.subspan(wire::kHeaderOctets));
}

bool same_name(const wire::Name& name, wire::NameView other) {
  return wire::equal(name.view(), other);
}

// RFC 8945 §5.2.2.1: neither longer than the MAC nor shorter than what may be asked for.
bool possible_length(std::size_t octets, std::size_t whole) {
  return octets <= whole && octets >= std::max<std::size_t>(10, whole / 2);
}

}  // namespace

TsigCheck check_request(ByteView message, const KeyRing& keys, Time now) {
  using Verdict = TsigCheck::Verdict;
  TsigCheck out{.size = message.size()};
  const auto search = wire::find_tsig(message, out.tsig, out.size);
  if (search == wire::TsigSearch::none) return out;
  if (search == wire::TsigSearch::bad) {
    out.verdict = Verdict::malformed;
    return out;
  }
  const auto refuse = [&](TsigError error) {
    out.verdict = Verdict::refused;
    out.tsig.error = error;
    return out;
  };
  auto key = keys.find(out.tsig.key);
  if (!key || !same_name(out.tsig.algorithm, name_of(key->algorithm()))) return refuse(TsigError::badkey);
  const auto whole = mac_octets(key->algorithm());
  if (!possible_length(out.tsig.mac.size(), whole)) {
    out.verdict = Verdict::malformed;
    return out;
  }
  auto mac = key->start();
  cover(mac, message.first(out.size), out.tsig.original_id, true);
  mac.update(wire::tsig_variables(out.tsig));
  const auto expected = mac.finish();
  if (!crypto::constant_time_equal(ByteView(expected).first(out.tsig.mac.size()), out.tsig.mac))
    return refuse(TsigError::badsig);
  out.key = std::move(key);
  if (!in_time(out.tsig, now)) return refuse(TsigError::badtime);
  if (out.tsig.mac.size() < whole) return refuse(TsigError::badtrunc);
  out.verdict = Verdict::good;
  out.tsig.error = TsigError::none;
  return out;
}

TsigSigner::TsigSigner(const TsigCheck& request) : key_(request.key), error_(request.tsig), answers_(true) {
  CHECK(request.verdict == TsigCheck::Verdict::good || request.verdict == TsigCheck::Verdict::refused);
  CHECK(key_ || error_.error != TsigError::none);
  mac_ = std::move(error_.mac);
  error_.mac.clear();
  error_.other.clear();
}

bool TsigSigner::sign(Bytes& message, Time now) {
  Tsig tsig;
  tsig.key = key_ ? key_->name() : error_.key;
  tsig.algorithm = key_ ? wire::Name(name_of(key_->algorithm())) : error_.algorithm;
  tsig.time_s = seconds_of(now);
  tsig.fudge_s = kTsigFudge;
  tsig.original_id = load_u16(message.data());
  tsig.error = error_.error;
  if (tsig.error ==
      TsigError::badtime) {  // the client's time, so that it can check the MAC, and ours beside it
    tsig.other = wire::tsig_time(tsig.time_s);
    tsig.time_s = error_.time_s;
  }
  if (!key_) {
    tsig.time_s = error_.time_s;
    return wire::append_tsig(message, tsig);
  }
  auto mac = key_->start();
  if (answers_ || later_) mac.update(wire::tsig_prior_mac(mac_));
  cover(mac, message, tsig.original_id, false);
  mac.update(later_ ? wire::tsig_timers(tsig) : wire::tsig_variables(tsig));
  tsig.mac = mac.finish();
  if (!wire::append_tsig(message, tsig)) return false;
  mac_ = std::move(tsig.mac);
  later_ = answers_;  // requests are each a beginning
  return true;
}

std::size_t TsigSigner::octets() const {
  constexpr std::size_t kOther = 6;
  if (!key_) return wire::tsig_size(error_.key, error_.algorithm, 0, kOther);
  return wire::tsig_size(key_->name(), name_of(key_->algorithm()), mac_octets(key_->algorithm()), kOther);
}

std::string_view describe(TsigFault fault) {
  switch (fault) {
    case TsigFault::missing:
      return "the answer is not signed although the request was";
    case TsigFault::malformed:
      return "the answer's TSIG record is ill-formed";
    case TsigFault::badkey:
      return "the answer is signed with another key or algorithm";
    case TsigFault::badsig:
      return "the answer's signature is wrong: another secret, or changed on its way";
    case TsigFault::badtime:
      return "the answer's time is too far from ours: compare the clocks";
    case TsigFault::badtrunc:
      return "the answer's MAC is cut short";
    case TsigFault::peer_error:
      return "the server does not accept the request's signature";
  }
  return "";
}

TsigVerifier::TsigVerifier(TsigKeyPtr key, ByteView request_mac)
    : key_(std::move(key)), running_(key_->start()) {
  running_.update(wire::tsig_prior_mac(request_mac));
}

std::expected<std::size_t, TsigFault> TsigVerifier::add(ByteView message, Time now) {
  if (message.size() < wire::kHeaderOctets) return std::unexpected(TsigFault::malformed);
  Tsig tsig;
  std::size_t size = message.size();
  const auto search = wire::find_tsig(message, tsig, size);
  if (search == wire::TsigSearch::bad) return std::unexpected(TsigFault::malformed);
  if (search == wire::TsigSearch::none) {
    if (!later_ || unsigned_ >= kUnsignedMax) return std::unexpected(TsigFault::missing);
    ++unsigned_;
    running_.update(message);
    return size;
  }
  const auto whole = mac_octets(key_->algorithm());
  if (tsig.error == TsigError::badkey || tsig.error == TsigError::badsig) {
    peer_error_ = tsig.error;
    return std::unexpected(TsigFault::peer_error);
  }
  if (!same_name(key_->name(), tsig.key) || !same_name(tsig.algorithm, name_of(key_->algorithm())))
    return std::unexpected(TsigFault::badkey);
  if (!possible_length(tsig.mac.size(), whole)) return std::unexpected(TsigFault::malformed);
  cover(running_, message.first(size), tsig.original_id, true);
  running_.update(later_ ? wire::tsig_timers(tsig) : wire::tsig_variables(tsig));
  const auto expected = running_.finish();
  if (!crypto::constant_time_equal(ByteView(expected).first(tsig.mac.size()), tsig.mac))
    return std::unexpected(TsigFault::badsig);
  if (tsig.error != TsigError::none) {
    peer_error_ = tsig.error;
    return std::unexpected(TsigFault::peer_error);
  }
  if (!in_time(tsig, now)) return std::unexpected(TsigFault::badtime);
  if (tsig.mac.size() < whole) return std::unexpected(TsigFault::badtrunc);
  running_ = key_->start();
  running_.update(wire::tsig_prior_mac(tsig.mac));
  unsigned_ = 0;
  later_ = true;
  return size;
}

}  // namespace onoma::transfer
