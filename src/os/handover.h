// Handing the listening sockets of a running program to its successor, so that the program can be replaced
// without losing a packet: what the kernel has queued stays in the sockets, and the sockets stay open.
//
// The old program calls Handover::start() and gets a child that was started with the same arguments. The
// child finds the sockets through the environment (adopt_handover(), first thing in main); bind_udp(),
// listen_tcp() and ControlServer take them from there instead of opening new ones. When the child answers on
// them it calls report_ready(); only then does the old program stop reading. Until then both read from the
// same sockets, and every packet is read by exactly one of them.
//
// The environment variable ONOMA_HANDOVER has lines "KIND FD ADDRESS" with KIND udp, tcp or unix, and
// "report FD", a pipe to the old program, and "state FD", an open file whose meaning is the program's.
// adopt_handover() removes it. Threads: adopt_handover() before any other thread; the rest from any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"
#include "os/fd.h"

namespace onoma::os {

// The program's file and arguments as it was started. Set by adopt_handover().
struct CommandLine {
  std::string program;                 // absolute
  std::vector<std::string> arguments;  // without the program
};
const CommandLine& command_line();

// --- In the new program ---

// Remembers the command line and takes what a former process left. An error: the variable is not what this
// program writes.
Result<void> adopt_handover(int argc, const char* const* argv);
bool is_successor();  // a former process waits for report_ready()

enum class SocketKind : std::uint8_t { udp, tcp, unix_stream };
// The inherited socket for an address ("192.0.2.1:53", "[::1]:53", a path), each once, in the order in which
// the old program opened them. A port 0 matches any port of the address.
std::optional<Fd> take_inherited(SocketKind kind, std::string_view address);
// What the old program wanted to be known. Empty without one.
Bytes inherited_state();
// Everything is answered now. Closes inherited sockets that nobody took, and returns their addresses: nothing
// is heard on them any more.
std::vector<std::string> report_ready();
// The start failed; the old program goes on and tells this reason. Nothing without a former process.
void report_failure(std::string_view reason);

// --- In the old program ---

struct HandoverOptions {
  std::string program;                 // empty: the file that this program was started from
  std::chrono::seconds patience{300};  // until the new program must be ready
  Bytes state;                         // what inherited_state() gives there
};

class Handover {
 public:
  Handover();
  // Starts the new program and waits until it is ready; returns its process id. After an error it is gone and
  // everything is as before. One at a time; further calls are Code::unavailable.
  Result<pid_t> start(const HandoverOptions& options);
  // Ends a start() that is waiting, and refuses further ones.
  void cancel();

 private:
  Result<pid_t> wait_ready(pid_t child, const Fd& report, std::chrono::seconds patience);
  Fd wake_;
  std::atomic<bool> busy_{false}, cancelled_{false};
};

// Tells the service manager (systemd's Type=notify; NOTIFY_SOCKET) something such as "READY=1". Nothing
// without one.
void notify_service_manager(std::string_view text);

}  // namespace onoma::os
