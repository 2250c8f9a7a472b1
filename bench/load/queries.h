// Questions as packets in memory, from a file with a line "NAME TYPE" each (dnsperf's format). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace onoma::bench {

class Queries {
 public:
  struct Options {
    bool dnssec = false;        // the DO bit
    std::uint16_t size = 1232;  // EDNS buffer size; every query has an OPT record
    std::size_t at_most = SIZE_MAX;
  };
  // Empty, with a message in `error`, if the file cannot be read or has a line that is no question.
  static Queries load(const std::string& path, const Options& options, std::string& error);

  std::size_t size() const { return begins_.empty() ? 0 : begins_.size() - 1; }
  std::span<std::uint8_t> operator[](std::size_t index) {
    return std::span(octets_).subspan(begins_[index], begins_[index + 1] - begins_[index]);
  }

 private:
  bool add(const char* begin, const char* end, const Options& options);
  std::vector<std::uint8_t> octets_;
  std::vector<std::uint64_t> begins_;
};

// One query for `name` (absolute, without escapes) appended to `out`; false if it is no name or no known
// type.
bool append_query(const char* name, const char* name_end, std::uint16_t type, bool dnssec, std::uint16_t size,
                  std::vector<std::uint8_t>& out);

}  // namespace onoma::bench
