// XdpSocket: one AF_XDP socket on one queue of an interface, with the memory that it shares with the kernel
// and its four rings. Inside this room only. The opening thread, then the worker's; nothing allocates or
// locks after open().
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "os/fd.h"

namespace onoma::os {

// A mapping that is undone.
class Mapping {
 public:
  Mapping() = default;
  Mapping(void* at, std::size_t size) : at_(at), size_(size) {}
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();
  std::uint8_t* data() const { return static_cast<std::uint8_t*>(at_); }

 private:
  void* at_ = nullptr;
  std::size_t size_ = 0;
};

// A frame in the shared memory, as the rings describe it (struct xdp_desc of linux/if_xdp.h).
struct XdpFrame {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint32_t options = 0;
};

// One ring: the kernel at one end, the worker at the other.
template <class Entry>
class XdpRing {
 public:
  // The entry `index` places behind this end's position.
  Entry& entry(std::uint32_t index) { return entries_[(*own_ + index) & mask_]; }
  // Producing: entries that the kernel has not taken yet.
  std::uint32_t pending() const { return *own_ - theirs(); }
  std::uint32_t room() const { return mask_ + 1 - pending(); }
  // Consuming: entries that wait.
  std::uint32_t waiting() const { return theirs() - *own_; }
  // Gives over what was produced, or gives back what was consumed.
  void advance(std::uint32_t count) {
    std::atomic_ref(*own_).store(*own_ + count, std::memory_order_release);
  }
  bool needs_wakeup() const;

 private:
  friend class XdpSocket;
  std::uint32_t theirs() const { return std::atomic_ref(*theirs_).load(std::memory_order_acquire); }
  Mapping mapping_;
  std::uint32_t* own_ = nullptr;     // the position that this end writes
  std::uint32_t* theirs_ = nullptr;  // the position that the kernel writes
  std::uint32_t* flags_ = nullptr;
  Entry* entries_ = nullptr;
  std::uint32_t mask_ = 0;
};

struct XdpStatistics {
  std::uint64_t dropped = 0;  // packets that found no room in the ring, or no frame
};

class XdpSocket {
 public:
  static constexpr std::size_t kFrameSize = 2048;
  // What the kernel leaves free before a packet.
  static constexpr std::size_t kHeadroom = 256;
  static constexpr std::uint32_t kFrames = 4096;  // 8 MiB a queue
  static constexpr std::uint32_t kRing = 2048;

  // Binds to a queue of the interface with this index. Refusals are Code::io and say what is missing.
  static Result<XdpSocket> open(unsigned interface_index, unsigned queue);

  int fd() const { return fd_.get(); }
  bool zero_copy() const;
  XdpStatistics statistics() const;

  std::uint8_t* at(std::uint64_t address) const { return memory_.data() + address; }
  // Octets from a frame's address to its end.
  static std::size_t room_behind(std::uint64_t address) { return kFrameSize - address % kFrameSize; }

  // Frames that wait to be read, at most `most`; release() gives their places back once they are read.
  std::uint32_t arrived(std::uint32_t most) const { return std::min(most, rx_.waiting()); }
  const XdpFrame& frame(std::uint32_t index) { return rx_.entry(index); }
  void release(std::uint32_t count) { rx_.advance(count); }
  // Puts a frame into the queue of those to be sent. False: it is full.
  bool send(const XdpFrame& frame);
  // Tells the kernel to send. Frames that it could not take stay in the queue.
  void flush();
  std::uint32_t unsent() const { return tx_.pending(); }
  std::uint32_t in_flight() const { return in_flight_; }
  // A frame that is not needed any more.
  void give_back(std::uint64_t address);
  // Takes back frames that are sent and lets the kernel have all that are free.
  void recycle();

 private:
  Result<void> share_memory();
  Result<void> make_rings();
  template <class Entry>
  Result<void> map_ring(XdpRing<Entry>& ring, bool producing, std::uint64_t offset, const void* layout);
  Fd fd_;
  Mapping memory_;
  XdpRing<std::uint64_t> fill_, completion_;
  XdpRing<XdpFrame> rx_, tx_;
  std::vector<std::uint64_t> free_;  // capacity kFrames, never exceeded
  std::uint32_t queued_ = 0;         // put into tx_, not given over yet
  std::uint32_t in_flight_ = 0;      // sent or to be sent, not come back
};

}  // namespace onoma::os
