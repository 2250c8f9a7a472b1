// Starting threads. Every thread of the program that this room starts has a name, takes no signals (one
// thread waits for them, see signals.h) and, if asked, a CPU or a lower priority.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace onoma::os {

struct ThreadOptions {
  std::string name;  // cut to 15 octets by the system
  int cpu = -1;      // pinned to this CPU; -1: not pinned
  int nice = 0;      // added to the thread's nice value; ignored where not permitted
};

// A refused pin or priority is a warning in the log, never a failure.
std::thread start_thread(ThreadOptions options, std::move_only_function<void()> body);

}  // namespace onoma::os
