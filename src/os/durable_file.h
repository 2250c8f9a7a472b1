// Whole files: reading one with a limit, and replacing one so that a crash leaves either the old or the new
// content. Any thread; two writers of the same path must exclude each other. The log of records is in
// append_log.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/large_memory.h"
#include "os/append_log.h"
#include "os/file_system.h"

namespace onoma::os {

// The file's content. Code::not_found when there is none, Code::too_large above `max_octets` (which also
// bounds what a file that grows meanwhile can cost), Code::io for everything else.
Result<Bytes> read_file(const std::string& path, std::uint64_t max_octets,
                        FileSystem& files = FileSystem::real());
Result<LargeBytes> read_large_file(const std::string& path, std::uint64_t max_octets,
                                   FileSystem& files = FileSystem::real());

// Writes PATH.new, flushes it, renames it over `path` and flushes the directory. When this returns a value
// the new content survives a power cut; after an error the old content is still there and PATH.new is gone.
// (If only the flush of the directory failed, the new content is visible, but may not survive.) `mode` as for
// open, less the umask.
Result<void> write_file_atomically(const std::string& path, ByteView content, unsigned mode = 0600,
                                   FileSystem& files = FileSystem::real());

// The same for content that comes in pieces: `write` hands each to `sink`, in order. An error of `write`
// leaves the old content.
using ByteSink = std::function<Result<void>(ByteView piece)>;
Result<void> write_pieces_atomically(const std::string& path,
                                     const std::function<Result<void>(const ByteSink& sink)>& write,
                                     unsigned mode = 0600, FileSystem& files = FileSystem::real());

// Makes a change of names in the directory that holds `path` survive a power cut.
Result<void> sync_directory_of(const std::string& path, FileSystem& files = FileSystem::real());

}  // namespace onoma::os
