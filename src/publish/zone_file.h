// A zone's file on disk: whether it has changed, and what it holds. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "wire/name.h"
#include "zone/snapshot.h"

namespace onoma::publish {

// Changes when the file's time, size, inode or device does. 0: there is none, or it was written so lately
// that a further write might not be seen in its time.
std::uint64_t file_stamp(const std::string& path);

// Reads the file and logs its warnings. Errors name file and line.
Result<zone::SnapshotPtr> read_zone_file(const wire::Name& zone, const std::string& path);

}  // namespace onoma::publish
