// Journal: the VersionLog of a node that keeps its records in files. One os::AppendLog per zone, in a folder
// of the data directory: `<folder>/<zone>.journal`. The first record is a whole version, those behind it are
// changes; when the changes outgrow the whole version they are folded into a new one (a new file takes the
// old one's place at once). The octets of a record are described in docs/formats/journal.md.
//
// Owned by one zone's serial queue. append() returns after fdatasync. A full disk is an error that leaves the
// journal as it was.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "os/append_log.h"
#include "zone/stages.h"

namespace onoma::publish {

Bytes encode(const zone::Version& version);
Result<zone::Version> decode_version(ByteView octets);

// "example.com" → "example.com", "." → "@root"; octets that do not belong in a file name are written %XX.
std::string file_stem(const wire::Name& zone);

struct JournalOptions {
  std::string folder;                         // made if missing, mode 0700
  std::uint64_t fold_min_octets = 16U << 20;  // changes below this are never folded
};

class Journal final : public zone::VersionLog {
 public:
  Journal(JournalOptions options, os::FileSystem& files = os::FileSystem::real());
  Result<void> append(const zone::Version& version) override;
  Result<void> replay(const wire::Name& zone,
                      const std::function<Result<void>(zone::Version&&)>& visit) override;
  // Replaces the file by one whole version: `whole` as a first version (from_serial 0).
  Result<void> fold(const zone::Version& whole);
  // Have the changes outgrown the whole version?
  bool wants_fold() const;
  // Removes a zone's journal.
  Result<void> erase(const wire::Name& zone);

 private:
  std::string path_of(const wire::Name& zone) const;
  Result<void> open(const wire::Name& zone, const std::function<Result<void>(zone::Version&&)>& visit);

  JournalOptions options_;
  os::FileSystem& files_;
  std::optional<os::AppendLog> log_;
  std::uint64_t whole_octets_ = 0;
  std::optional<std::uint64_t> cut_to_;  // after a failed sync: the size that is known to be good
  bool place_unsure_ = false;            // a crash may bring back the file from before the last fold
};

}  // namespace onoma::publish
