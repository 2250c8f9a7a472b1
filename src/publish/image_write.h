// Writing image files: anew, never over an old one. Any thread; two writers of the same path must exclude
// each other.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "os/file_system.h"
#include "zone/image_file.h"

namespace onoma::publish {

// Octets written so far.
using WriteProgress = std::function<void(std::uint64_t)>;

// Writes PATH.new, flushes it and renames it over `path`, whose readers keep the octets that they have
// mapped. After an error what was there is still there. Returns the file's octets. REQUIRES: as
// write_image_file().
Result<std::uint64_t> save_image_file(const std::string& path, const std::vector<zone::SnapshotPtr>& zones,
                                      const zone::ImageStamp& stamp, const WriteProgress& progress = {},
                                      os::FileSystem& files = os::FileSystem::real());

}  // namespace onoma::publish
