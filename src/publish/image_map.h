// ImageMap: an image file that is mapped and read where it lies, and its copy in memory. All zones of one
// file share one ImageMap, whoever opens it. Any thread.
//
// A mapped file can change under its readers (zone/image.h says what that does); its copy cannot, and every
// block of it was compared with its checksum.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "os/mapped_file.h"
#include "wire/name.h"
#include "zone/image_file.h"

namespace onoma::publish {

class ImageMap {
 public:
  struct Copy {
    std::shared_ptr<const std::uint8_t> octets;  // of the file; the blocks of `bad` are zeros
    std::vector<std::size_t> bad;                // ascending
    std::string problem;                         // what is wrong, for people; empty: nothing
  };

  // Reads the head alone; costs the same at any size.
  static Result<std::shared_ptr<ImageMap>> open(const std::string& path);

  const std::string& path() const { return path_; }
  const zone::ImageFile& file() const { return file_; }
  ByteView octets() const { return map_->octets(); }

  // The zone, on the mapped octets. bad_request when the file has no such zone: the error tells which it has.
  Result<zone::SnapshotPtr> zone(const wire::Name& name) const;

  // Copies the file and checks every block of the copy. Made once for as long as somebody keeps it. Null when
  // `stop` said so meanwhile; Code::unavailable when there is no memory.
  Result<std::shared_ptr<const Copy>> copy(const std::function<bool()>& stop = {});
  // A version that lies on the mapped octets, on the copy. It is damaged where the copy is.
  Result<zone::SnapshotPtr> moved(const zone::Snapshot& current,
                                  const std::shared_ptr<const Copy>& copy) const;
  // Does a block that is bad hold octets of this version's image?
  bool harmed(const zone::Snapshot& current, const Copy& copy) const;

  // Checks every block where it lies. `progress` gets the number of the block.
  Result<void> verify(const std::function<void(std::size_t)>& progress = {}) const;

 private:
  ImageMap(std::string path, std::shared_ptr<const os::MappedFile> map, zone::ImageFile file);
  std::size_t place(const zone::Snapshot& current) const;
  bool written_over() const;

  std::string path_;
  std::shared_ptr<const os::MappedFile> map_;
  zone::ImageFile file_;
  Bytes head_, sums_;  // as they were when it was opened
  std::mutex copying_;
  std::weak_ptr<const Copy> copy_;
};

}  // namespace onoma::publish
