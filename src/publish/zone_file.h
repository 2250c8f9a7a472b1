// A zone's file on disk: whether it has changed, and what it holds. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "publish/image_map.h"
#include "wire/name.h"
#include "zone/snapshot.h"

namespace onoma::publish {

// Changes when the file's time, size, inode or device does. 0: there is none, or it was written so lately
// that a further write might not be seen in its time.
std::uint64_t file_stamp(const std::string& path);

// Does the file begin as compiled images do? False when it cannot be read: reading it as text tells why.
bool is_image(const std::string& path);

struct ZoneFile {
  zone::SnapshotPtr snapshot;
  std::shared_ptr<ImageMap> image;  // the snapshot lies in it; null: the file is text
};

// Opens an image (told from text by its first octets), or reads the text and logs its warnings. Errors name
// the file and, in text, the line. `stamp`: the file's (see file_stamp()) before it was read, whatever came
// of it.
Result<ZoneFile> read_zone_file(const wire::Name& zone, const std::string& path, std::uint64_t& stamp);

}  // namespace onoma::publish
