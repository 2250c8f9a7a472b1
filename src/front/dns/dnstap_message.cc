#include "front/dns/dnstap_message.h"

#include <chrono>
#include <cstring>

#include "base/check.h"

namespace onoma::front {
namespace {

// Field numbers of dnstap.proto.
enum Outer : std::uint32_t { kIdentity = 1, kVersion = 2, kMessage = 14, kType = 15 };
enum Inner : std::uint32_t {
  kMessageType = 1,
  kSocketFamily = 2,
  kSocketProtocol = 3,
  kQueryAddress = 4,
  kResponseAddress = 5,
  kQueryPort = 6,
  kResponsePort = 7,
  kQuerySeconds = 8,
  kQueryNanoseconds = 9,
  kQueryMessage = 10,
  kQueryZone = 11,
  kResponseSeconds = 12,
  kResponseNanoseconds = 13,
  kResponseMessage = 14,
};
enum WireType : std::uint32_t { kVarint = 0, kOctets = 2, kFixed32 = 5 };

// Counts what a Writer would write.
class Counter {
 public:
  void octet(std::uint8_t /*value*/) { ++size_; }
  void octets(ByteView value) { size_ += value.size(); }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

class Writer {
 public:
  explicit Writer(MutableBytes out) : out_(out) {}
  void octet(std::uint8_t value) { out_[size_++] = value; }
  void octets(ByteView value) {
    if (!value.empty()) std::memcpy(&out_[size_], value.data(), value.size());
    size_ += value.size();
  }
  std::size_t size() const { return size_; }

 private:
  MutableBytes out_;
  std::size_t size_ = 0;
};

template <class Sink>
void varint(Sink& sink, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) sink.octet(static_cast<std::uint8_t>(value | 0x80));
  sink.octet(static_cast<std::uint8_t>(value));
}
template <class Sink>
void number(Sink& sink, std::uint32_t field, std::uint64_t value) {
  varint(sink, field << 3 | kVarint);
  varint(sink, value);
}
template <class Sink>
void octets(Sink& sink, std::uint32_t field, ByteView value) {
  if (value.empty()) return;
  varint(sink, field << 3 | kOctets);
  varint(sink, value.size());
  sink.octets(value);
}
template <class Sink>
void time(Sink& sink, std::uint32_t seconds_field, std::uint32_t nanoseconds_field, Time t) {
  const auto seconds = unix_seconds(t);
  const auto rest = std::chrono::nanoseconds(t - from_unix_seconds(seconds)).count();
  number(sink, seconds_field, static_cast<std::uint64_t>(seconds));
  varint(sink, nanoseconds_field << 3 | kFixed32);
  for (int shift = 0; shift < 32; shift += 8) sink.octet(static_cast<std::uint8_t>(rest >> shift));
}

template <class Sink>
void inner(Sink& sink, const DnstapMessage& message) {
  number(sink, kMessageType, message.response ? 2 : 1);
  const auto family =
      message.query_address.empty() ? message.response_address.size() : message.query_address.size();
  if (family != 0) number(sink, kSocketFamily, family == 16 ? 2 : 1);
  number(sink, kSocketProtocol, static_cast<std::uint64_t>(message.transport) + 1);  // UDP, TCP, DOT
  octets(sink, kQueryAddress, message.query_address);
  octets(sink, kResponseAddress, message.response_address);
  if (message.query_port != 0) number(sink, kQueryPort, message.query_port);
  if (message.response_port != 0) number(sink, kResponsePort, message.response_port);
  time(sink, kQuerySeconds, kQueryNanoseconds, message.query_time);
  if (!message.response) octets(sink, kQueryMessage, message.dns);
  octets(sink, kQueryZone, message.zone);
  if (!message.response) return;
  time(sink, kResponseSeconds, kResponseNanoseconds, message.response_time);
  octets(sink, kResponseMessage, message.dns);
}

template <class Sink>
void outer(Sink& sink, const DnstapMessage& message, std::size_t inner_size) {
  octets(sink, kIdentity, as_bytes(message.identity));
  octets(sink, kVersion, as_bytes(message.version));
  varint(sink, kMessage << 3 | kOctets);
  varint(sink, inner_size);
  inner(sink, message);
  number(sink, kType, 1);
}

std::size_t inner_size(const DnstapMessage& message) {
  Counter counter;
  inner(counter, message);
  return counter.size();
}

}  // namespace

std::size_t dnstap_size(const DnstapMessage& message) {
  Counter counter;
  outer(counter, message, inner_size(message));
  return counter.size();
}

std::size_t encode_dnstap(const DnstapMessage& message, MutableBytes out) {
  CHECK(out.size() >= dnstap_size(message));
  Writer writer(out);
  outer(writer, message, inner_size(message));
  return writer.size();
}

}  // namespace onoma::front
