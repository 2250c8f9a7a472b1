// The command line of load_gen; load_gen.cc tells what its words mean.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace onoma::bench {

inline constexpr unsigned kBurstMax = 32;

// Addresses to send from, all on loopback.
struct Sources {
  std::uint32_t first = 0, count = 0;  // host byte order; count 0: the system chooses
  std::uint32_t step = 1;              // from one to the next
};

struct StreamOptions {
  std::string label;
  std::string file;    // questions; or else
  std::string suffix;  // random names of twelve letters below this
  unsigned weight = 1;
  unsigned burst = 1;  // of random names: so many in a row from one address
  bool dnssec = false;
  Sources sources;
};

struct LoadOptions {
  sockaddr_in server{};
  std::string server_text;
  std::vector<StreamOptions> streams;
  double rate = 0;           // questions a second; 0: a window
  std::size_t window = 512;  // outstanding questions
  double seconds = 5, warmup = 0;
  bool once = false;
  unsigned sockets = 8;
  double timeout_s = 1;
  double stall_us = 300;
  std::uint64_t seed = 1;
  std::string transfer;  // zone
  double transfer_at = 0;
};

// Ends the program with a message on bad usage.
LoadOptions parse_load_options(int argc, char** argv);

}  // namespace onoma::bench
