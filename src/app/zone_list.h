// ZoneList: the zones that a server is told to serve: those of the command line (NAME=FILE) and those of a
// list file with lines NAME FILE. Names and paths point into memory of the list, so that a million of them
// cost what their text costs. A plain value that can be moved; one thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "publish/file_zones.h"

namespace onoma::app {

class ZoneList {
 public:
  // One NAME=FILE of the command line.
  Result<void> add_argument(const std::string& text);
  // The whole file or nothing. A line that is no NAME FILE, and a name that comes twice, is an error with the
  // line's number; the first few are told. Names that an argument gave already may come again: the argument
  // counts.
  Result<void> add_file(const std::string& path);

  // For a successor: everything that is served, wherever it came from.
  static Bytes state_of(const publish::FileZones& zones);
  Result<void> add_state(Bytes state);

  std::span<const publish::ListedZone> zones() const { return zones_; }

 private:
  Result<wire::NameView> keep_name(std::string_view text);
  Result<void> read_line(std::string_view line);

  std::vector<std::unique_ptr<Bytes>> texts_;  // what zones_ points into, beside the names
  std::vector<std::unique_ptr<std::uint8_t[]>> blocks_;
  std::size_t block_left_ = 0;
  std::vector<publish::ListedZone> zones_;
};

}  // namespace onoma::app
