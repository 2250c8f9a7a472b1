#include "os/xdp_filter.h"

#include <cstring>

#include <linux/bpf.h>
#include <netinet/in.h>

#include "base/check.h"

namespace onoma::os {
namespace {

// What the registers hold throughout.
enum Register : std::uint8_t {
  kResult = BPF_REG_0,
  kContext = BPF_REG_6,
  kData = BPF_REG_7,
  kEnd = BPF_REG_8,
  kScratch = BPF_REG_2,
  kPort = BPF_REG_3,
  kWord = BPF_REG_4,
};

// Where the fields lie in a frame.
constexpr std::int16_t kEtherType = 12;
constexpr std::int16_t kIp = 14;
constexpr std::int16_t kFragment4 = kIp + 6, kProtocol4 = kIp + 9, kTo4 = kIp + 16, kPort4 = kIp + 20 + 2;
constexpr std::int16_t kNext6 = kIp + 6, kTo6 = kIp + 24, kPort6 = kIp + 40 + 2;
constexpr std::int32_t kLeast4 = kIp + 20 + 8, kLeast6 = kIp + 40 + 8;

std::int32_t load_raw(const std::uint8_t* at) {
  std::int32_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Instructions, with jumps whose targets come later. The classes and modes whose number is 0 (BPF_LD,
// BPF_IMM, BPF_K) are left out.
class Assembler {
 public:
  using Label = std::vector<std::size_t>;  // the jumps that lead to it

  void load(std::uint8_t size, Register to, Register from, std::int16_t offset) {
    put(BPF_LDX | BPF_MEM | size, to, from, offset, 0);
  }
  void set(Register to, std::int32_t value) { put(BPF_ALU64 | BPF_MOV, to, 0, 0, value); }
  void copy(std::uint8_t to, std::uint8_t from) { put(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void add(Register to, std::int32_t value) { put(BPF_ALU64 | BPF_ADD, to, 0, 0, value); }
  void mask(Register to, std::int32_t value) { put(BPF_ALU | BPF_AND, to, 0, 0, value); }
  // Compares 32 bits: equal, or not.
  void if_equal(Register with, std::int32_t value, Label& to) {
    jump(BPF_JMP32 | BPF_JEQ, with, 0, value, to);
  }
  void unless_equal(Register with, std::int32_t value, Label& to) {
    jump(BPF_JMP32 | BPF_JNE, with, 0, value, to);
  }
  void if_above(Register a, Register b, Label& to) { jump(BPF_JMP | BPF_JGT | BPF_X, a, b, 0, to); }
  void always(Label& to) { jump(BPF_JMP | BPF_JA, 0, 0, 0, to); }
  void load_map(std::uint8_t to, int map) {
    put(BPF_DW, to, BPF_PSEUDO_MAP_FD, 0, map);
    put(0, 0, 0, 0, 0);
  }
  void call(std::int32_t function) { put(BPF_JMP | BPF_CALL, 0, 0, 0, function); }
  void leave() { put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }
  void here(const Label& label) {
    for (const std::size_t from : label)
      code_[from].offset = static_cast<std::int16_t>(code_.size() - from - 1);
  }
  std::vector<XdpInstruction> take() { return std::move(code_); }

 private:
  void put(int code, std::uint8_t to, std::uint8_t from, std::int16_t offset, std::int32_t value) {
    code_.push_back(
        {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(to | from << 4), offset, value});
  }
  void jump(int code, std::uint8_t a, std::uint8_t b, std::int32_t value, Label& to) {
    to.push_back(code_.size());
    put(code, a, b, 0, value);
  }
  std::vector<XdpInstruction> code_;
};

// The frame must have at least (or, swapped, at most) so many octets.
void check_end(Assembler& out, std::int32_t octets, bool at_most, Assembler::Label& otherwise) {
  out.copy(kScratch, kData);
  out.add(kScratch, octets);
  if (at_most)
    out.if_above(kEnd, kScratch, otherwise);
  else
    out.if_above(kScratch, kEnd, otherwise);
}

// Compares a destination with one endpoint, 32 bits at a time.
void match(Assembler& out, const Endpoint& endpoint, std::int16_t at, Assembler::Label& ours) {
  Assembler::Label next;
  const auto address = endpoint.address_bytes();
  for (std::size_t i = 0; i < address.size(); i += 4) {
    out.load(BPF_W, kWord, kData, static_cast<std::int16_t>(at + static_cast<std::int16_t>(i)));
    out.unless_equal(kWord, load_raw(&address[i]), next);
  }
  out.if_equal(kPort, htons(endpoint.port()), ours);
  out.here(next);
}

}  // namespace

std::vector<XdpInstruction> xdp_filter(std::span<const Endpoint> endpoints, int map) {
  CHECK(endpoints.size() <= kXdpEndpointsMax);
  Assembler out;
  Assembler::Label pass, four, six, ours;
  out.copy(kContext, BPF_REG_1);
  out.load(BPF_W, kData, kContext, offsetof(xdp_md, data));
  out.load(BPF_W, kEnd, kContext, offsetof(xdp_md, data_end));
  check_end(out, kLeast4, false, pass);
  check_end(out, static_cast<std::int32_t>(kXdpFrameMax), true, pass);
  out.load(BPF_H, kWord, kData, kEtherType);
  out.if_equal(kWord, htons(0x0800), four);
  out.if_equal(kWord, htons(0x86dd), six);
  out.always(pass);

  out.here(four);
  out.load(BPF_B, kWord, kData, kIp);
  out.unless_equal(kWord, 0x45, pass);  // version 4, no options
  out.load(BPF_B, kWord, kData, kProtocol4);
  out.unless_equal(kWord, IPPROTO_UDP, pass);
  out.load(BPF_H, kWord, kData, kFragment4);
  out.mask(kWord, htons(0x3fff));  // more fragments, and the offset
  out.unless_equal(kWord, 0, pass);
  out.load(BPF_H, kPort, kData, kPort4);
  for (const Endpoint& endpoint : endpoints)
    if (!endpoint.is_v6()) match(out, endpoint, kTo4, ours);
  out.always(pass);

  out.here(six);
  check_end(out, kLeast6, false, pass);
  out.load(BPF_B, kWord, kData, kIp);
  out.mask(kWord, 0xf0);
  out.unless_equal(kWord, 0x60, pass);
  out.load(BPF_B, kWord, kData, kNext6);
  out.unless_equal(kWord, IPPROTO_UDP, pass);
  out.load(BPF_H, kPort, kData, kPort6);
  for (const Endpoint& endpoint : endpoints)
    if (endpoint.is_v6()) match(out, endpoint, kTo6, ours);

  out.here(pass);
  out.set(kResult, XDP_PASS);
  out.leave();

  // The third argument is what becomes of the packet if the queue has no ring.
  out.here(ours);
  out.load_map(BPF_REG_1, map);
  out.load(BPF_W, kScratch, kContext, offsetof(xdp_md, rx_queue_index));
  out.set(kPort, XDP_PASS);
  out.call(BPF_FUNC_redirect_map);
  out.leave();
  return out.take();
}

}  // namespace onoma::os
