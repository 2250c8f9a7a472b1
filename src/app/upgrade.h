// Upgrade: replaces the running server by another process that answers on the same sockets, and the command
// that asks for it. os/handover.h does the work; here is what a server of zone files hands over besides, and
// when it must not.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "app/authority.h"
#include "app/control.h"
#include "os/handover.h"
#include "publish/file_zones.h"

namespace onoma::app {

class Upgrade {
 public:
  // What is passed must outlive it.
  Upgrade(publish::FileZones& zones, StopSignal& stop) : zones_(zones), stop_(stop) {}

  // After success this server is told to leave; after an error everything is as before. Waits until the new
  // one is ready. Any thread, one at a time.
  struct Request {
    std::string program;  // empty: the file that this program was started from
    std::chrono::seconds patience{300};
    bool force = false;  // although changes that are in no file would be lost
  };
  Result<pid_t> run(const Request& request);
  ControlCommand command();
  // The control socket is not heard while an upgrade is at work: what it would change, the new server would
  // not know. Set before run().
  void pauses(os::ControlServer& control) { control_ = &control; }
  // A reload was asked for while an upgrade is at work: the new server is told too.
  void reload_asked();
  void cancel() { handover_.cancel(); }

 private:
  publish::FileZones& zones_;
  StopSignal& stop_;
  os::ControlServer* control_ = nullptr;
  os::Handover handover_;
  std::mutex mutex_;
  bool at_work_ = false, reload_asked_ = false;
};

}  // namespace onoma::app
