// XdpInterface: an interface with our filter (xdp_filter.h) attached, and the table that leads from its
// queues to the sockets of the workers. Inside this room only. The filter goes when the object or the process
// does, however it ends: the kernel holds it by a link that belongs to a descriptor.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "os/address.h"
#include "os/fd.h"

namespace onoma::os {

class XdpInterface {
 public:
  // Finds the interface, makes the table and loads the filter; packets go their usual way still. Wildcards in
  // `listen` stand for the addresses that this machine has now; loopback addresses are left out. Refusals are
  // Code::io or Code::not_found and say why.
  static Result<std::unique_ptr<XdpInterface>> open(const std::string& name,
                                                    std::span<const Endpoint> listen);

  // Packets of this queue go to this AF_XDP socket from attach() on.
  Result<void> add(unsigned queue, int socket);
  Result<void> attach();
  void detach() { link_.reset(); }

  unsigned index() const { return index_; }
  unsigned mtu() const { return mtu_; }
  unsigned queues() const { return queues_; }  // for receiving
  bool native() const { return native_; }      // in the driver, before the kernel has made a packet of it

 private:
  unsigned index_ = 0;
  unsigned mtu_ = 0;
  unsigned queues_ = 1;
  bool native_ = false;
  Fd map_, program_, link_;
};

// What a filter for these addresses compares with.
Result<std::vector<Endpoint>> xdp_endpoints(std::span<const Endpoint> listen);

}  // namespace onoma::os
