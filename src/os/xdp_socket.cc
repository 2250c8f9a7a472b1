#include "os/xdp_socket.h"

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

namespace onoma::os {
namespace {

static_assert(sizeof(XdpFrame) == sizeof(xdp_desc) &&
              offsetof(XdpFrame, address) == offsetof(xdp_desc, addr) &&
              offsetof(XdpFrame, length) == offsetof(xdp_desc, len));

// In copy mode one call sends 32 packets, unless the kernel (Linux 6.17) lets us ask for more: so many calls
// are made before the rest of a batch waits for the next turn.
constexpr int kFlushCalls = 8;
constexpr int kMaxSendBudget = 9;  // XDP_MAX_TX_SKB_BUDGET, newer than the headers this is built with
constexpr std::uint32_t kSendBudget = 256;
constexpr int kBindTries = 20;
constexpr std::chrono::milliseconds kBindPause{50};

std::unexpected<Error> refused(const char* what, int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return fail(Code::io, fmt::format("{}: not permitted; it needs the capabilities CAP_NET_RAW, "
                                        "CAP_NET_ADMIN and CAP_BPF",
                                        what));
    case EAFNOSUPPORT:
      return fail(Code::io, fmt::format("{}: this kernel has no AF_XDP sockets", what));
    case EBUSY:
      return fail(Code::io, fmt::format("{}: another program uses this queue", what));
    case EINVAL:
    case ENODEV:
      return fail(Code::io, fmt::format("{}: there is no such queue, or its driver refuses", what));
    case ENOBUFS:
    case ENOMEM:
      return fail(Code::io, fmt::format("{}: not enough memory may be locked; raise the limit (ulimit -l) or "
                                        "grant CAP_IPC_LOCK",
                                        what));
    default:
      return io_failure(what, error);
  }
}

bool set(const Fd& fd, int option, const void* value, std::size_t size) {
  return ::setsockopt(fd.get(), SOL_XDP, option, value, static_cast<socklen_t>(size)) == 0;
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0)) {}
Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(at_, other.at_);
  std::swap(size_, other.size_);
  return *this;
}
Mapping::~Mapping() {
  if (at_ != nullptr) ::munmap(at_, size_);
}

template <class Entry>
bool XdpRing<Entry>::needs_wakeup() const {
  return (std::atomic_ref(*flags_).load(std::memory_order_relaxed) & XDP_RING_NEED_WAKEUP) != 0;
}

template <class Entry>
Result<void> XdpSocket::map_ring(XdpRing<Entry>& ring, bool producing, std::uint64_t offset,
                                 const void* layout) {
  const auto& at = *static_cast<const xdp_ring_offset*>(layout);
  const std::size_t size = at.desc + kRing * sizeof(Entry);
  void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(),
                              static_cast<off_t>(offset));
  if (mapped == MAP_FAILED) return refused("a ring cannot be mapped", errno);
  ring.mapping_ = Mapping(mapped, size);
  std::uint8_t* const base = ring.mapping_.data();
  const auto position = [base](std::uint64_t where) {
    return reinterpret_cast<std::uint32_t*>(base + where);
  };
  ring.own_ = position(producing ? at.producer : at.consumer);
  ring.theirs_ = position(producing ? at.consumer : at.producer);
  ring.flags_ = position(at.flags);
  ring.entries_ = reinterpret_cast<Entry*>(base + at.desc);
  ring.mask_ = kRing - 1;
  return {};
}

Result<XdpSocket> XdpSocket::open(unsigned interface_index, unsigned queue) {
  XdpSocket out;
  out.fd_ = Fd(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!out.fd_) return refused("an AF_XDP socket cannot be opened", errno);
  ONOMA_TRY_VOID(out.share_memory());
  ONOMA_TRY_VOID(out.make_rings());
  // Refused by older kernels, which then need more calls.
  set(out.fd_, kMaxSendBudget, &kSendBudget, sizeof kSendBudget);
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_flags = XDP_USE_NEED_WAKEUP;  // zero copies where the driver can, else one
  address.sxdp_ifindex = interface_index;
  address.sxdp_queue_id = queue;
  // A program that has ended just now lets go of the queue a moment later.
  for (int left = kBindTries;; --left) {
    if (::bind(out.fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) break;
    if (errno != EBUSY || left == 0) return refused("an AF_XDP socket cannot be bound", errno);
    std::this_thread::sleep_for(kBindPause);
  }
  out.recycle();
  return out;
}

Result<void> XdpSocket::share_memory() {
  constexpr std::size_t kSize = std::size_t{kFrames} * kFrameSize;
  void* const mapped =
      ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (mapped == MAP_FAILED) return refused("no memory for packets", errno);
  memory_ = Mapping(mapped, kSize);
  xdp_umem_reg reg{};
  reg.addr = reinterpret_cast<std::uintptr_t>(mapped);
  reg.len = kSize;
  reg.chunk_size = kFrameSize;
  if (!set(fd_, XDP_UMEM_REG, &reg, sizeof reg))
    return refused("the memory for packets cannot be shared with the kernel", errno);
  free_.reserve(kFrames);
  for (std::uint32_t i = 0; i < kFrames; ++i) free_.push_back(std::uint64_t{i} * kFrameSize);
  return {};
}

Result<void> XdpSocket::make_rings() {
  for (const int ring : {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING})
    if (!set(fd_, ring, &kRing, sizeof kRing)) return refused("a ring cannot be made", errno);
  xdp_mmap_offsets offsets{};
  socklen_t size = sizeof offsets;
  if (::getsockopt(fd_.get(), SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) != 0)
    return refused("the rings cannot be found", errno);
  if (size != sizeof offsets)
    return fail(Code::io, "this kernel is too old for AF_XDP as it is used here; it needs Linux 5.9");
  ONOMA_TRY_VOID(map_ring(fill_, true, XDP_UMEM_PGOFF_FILL_RING, &offsets.fr));
  ONOMA_TRY_VOID(map_ring(completion_, false, XDP_UMEM_PGOFF_COMPLETION_RING, &offsets.cr));
  ONOMA_TRY_VOID(map_ring(rx_, false, XDP_PGOFF_RX_RING, &offsets.rx));
  return map_ring(tx_, true, XDP_PGOFF_TX_RING, &offsets.tx);
}

bool XdpSocket::zero_copy() const {
  xdp_options options{};
  socklen_t size = sizeof options;
  return ::getsockopt(fd_.get(), SOL_XDP, XDP_OPTIONS, &options, &size) == 0 &&
         (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

XdpStatistics XdpSocket::statistics() const {
  xdp_statistics read{};
  socklen_t size = sizeof read;
  if (::getsockopt(fd_.get(), SOL_XDP, XDP_STATISTICS, &read, &size) != 0) return {};
  // A packet without a frame counts as dropped, one without room in the ring in the second; older kernels
  // know only the first.
  return {.dropped = read.rx_dropped + read.rx_ring_full};
}

bool XdpSocket::send(const XdpFrame& frame) {
  if (tx_.room() <= queued_) return false;
  tx_.entry(queued_) = frame;
  ++queued_;
  return true;
}

void XdpSocket::flush() {
  tx_.advance(queued_);
  in_flight_ += std::exchange(queued_, 0);
  for (int call = 0; call < kFlushCalls && tx_.pending() > 0; ++call) {
    if (!tx_.needs_wakeup()) return;
    if (::sendto(fd_.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0) continue;
    // EAGAIN: the call's share is done, more waits. Anything else is a full or sleeping interface.
    if (errno != EAGAIN && errno != EINTR) return;
  }
}

void XdpSocket::give_back(std::uint64_t address) {
  free_.push_back(address - address % kFrameSize);
}

void XdpSocket::recycle() {
  const std::uint32_t sent = completion_.waiting();
  for (std::uint32_t i = 0; i < sent; ++i) give_back(completion_.entry(i));
  completion_.advance(sent);
  in_flight_ -= sent;

  const auto lent = std::min(fill_.room(), static_cast<std::uint32_t>(free_.size()));
  if (lent == 0) return;
  for (std::uint32_t i = 0; i < lent; ++i) {
    fill_.entry(i) = free_.back();
    free_.pop_back();
  }
  fill_.advance(lent);
  // The driver sleeps because it ran out of frames.
  if (fill_.needs_wakeup()) ::recvfrom(fd_.get(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

}  // namespace onoma::os
