// Image files: one or many compiled zones in a file, with checksums by block (docs/formats/image.md). Pure
// functions over octets, usable from any thread; reading and mapping files is the business of os and publish.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "zone/snapshot.h"
#include "zone/stages.h"

namespace onoma::zone {

// What was known of the zones when the file was written.
struct ImageStamp {
  GateLevel level = GateLevel::structure;  // every zone in it passed the gate at this level
  Time made{};
  std::uint32_t earliest_expiry = 0;  // Unix time of the first signature that ends; 0: no signatures
};

// The beginning of every image file, by which it is told from text: 8 octets.
bool looks_like_image(ByteView octets);

// Gets the file's octets in order; an error it returns ends the writing and becomes its result.
using ImageSink = std::function<Result<void>(ByteView)>;
// REQUIRES: snapshots without a delta (see compact()), at least one.
Result<void> write_image_file(const std::vector<SnapshotPtr>& zones, const ImageStamp& stamp,
                              const ImageSink& sink);

class ImageFile {
 public:
  static constexpr std::size_t kBlockOctets = std::size_t{64} * 1024;

  // Checks the head and the directory, whose size depends on the number of zones alone. `octets` must stay.
  static Result<ImageFile> open(ByteView octets);

  const ImageStamp& stamp() const { return stamp_; }
  std::size_t size() const { return rows_; }
  Result<Name> name(std::size_t index) const;
  // The zone's own image. `owner` keeps `octets` alive, and `lost`. Untrusted: see zone/image.h.
  Result<SnapshotPtr> snapshot(std::size_t index, std::shared_ptr<const void> owner,
                               const std::atomic<bool>* lost = nullptr) const;
  // nullopt: no zone of that name. Names are in canonical order, so this is a binary search.
  Result<std::optional<std::size_t>> find(NameView zone) const;

  // Blocks with a checksum, and whether the octets of one fit it. Reads every octet: for the background.
  std::size_t blocks() const { return blocks_; }
  ByteView block(std::size_t index) const;
  // `copy` may be another copy of the same octets.
  bool block_fits(std::size_t index, ByteView copy) const;

 private:
  ByteView octets_;
  ImageStamp stamp_;
  std::size_t rows_ = 0, blocks_ = 0;
  std::uint64_t directory_at_ = 0, sums_at_ = 0;
};

// The same version on `copy`, the octets of its image, which cannot change any more. What it changed since
// the image was made stays beside it. `whole`: their checksums were seen to fit; else some places were not
// and are zeros now, and the image is one that is damaged. Fails when another zone lies there, or too little
// is left.
Result<SnapshotPtr> move_to_copy(const Snapshot& current, std::shared_ptr<const std::uint8_t> copy,
                                 bool whole = true);
// Octets of the image that a snapshot lies in; none when it is packed. A packed one counts as trusted.
ByteView image_octets(const Snapshot& snapshot);
bool image_is_trusted(const Snapshot& snapshot);
// What the octets of an image are used for, in the order of docs/formats/image.md.
struct ImagePart {
  std::string_view name;
  std::uint64_t octets = 0;
};
std::vector<ImagePart> image_parts(const Snapshot& snapshot);
// Something in the image could not be read.
bool image_is_damaged(const Snapshot& snapshot);

}  // namespace onoma::zone
