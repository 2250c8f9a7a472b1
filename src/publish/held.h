// HeldStore: versions that were not shown, kept on disk with the reason, until a person decides; and what a
// zone from a file needs to go back to a version before. One folder per zone:
//
//   <folder>/<zone>/<serial>.held   a version that a limit held, that the gate refused, or that was rolled
//   back
//                   <from>-<to>.step  the change from one shown version to the next (zones from files)
//                   base            the version that is served, where the zone's file is not (zones from
//                   files)
//   <folder>/@decisions.log         who approved, rejected or rolled back what, when and why; lines of JSON
//
// Each file is written whole and renamed into place, and ends with a SHA-256 of itself: after kill -9 it is
// there or it is not. The formats are in docs/formats/held.md. Bounded: HeldLimits. What is no longer
// readable is left where it is, told in the log and not listed.
//
// Any thread. A write takes as long as the disk does.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "os/file_system.h"
#include "zone/stages.h"

namespace onoma::publish {

enum class HeldKind : std::uint8_t {
  held = 1,         // larger than the limits on change: may be approved
  refused = 2,      // wrong: may only be looked at
  rolled_back = 3,  // shown; changes behind it wait until it is approved
};
std::string_view text(HeldKind kind);

struct HeldFacts {
  HeldKind kind{};
  wire::Name zone;
  std::uint32_t serial = 0;  // that it would have had; 0: what came could not be read
  std::uint32_t from_serial = 0;
  std::uint64_t first_event = 0, last_event = 0;
  Time at{}, committed{};
  std::string reason;
  std::uint64_t rrsets = 0;  // in the change
};

struct HeldVersion : HeldFacts {
  bool unsigned_diff = false;  // to be signed when it is approved
  std::optional<zone::Expected> expected;
  zone::Diff diff;  // empty where it was too large to keep, or could not be read
};

struct HeldLimits {
  std::size_t zone_entries = 16;                         // of a zone; the oldest refused one goes first
  std::size_t zone_steps = 16;                           // to go back by
  std::uint64_t diff_octets = std::uint64_t{256} << 20;  // a longer change is kept without its content
  std::uint64_t all_octets = std::uint64_t{8} << 30;     // of everything; beyond it nothing more is kept
  static constexpr std::uint64_t kFileMax = std::uint64_t{4} << 30;
};

// A person's word.
struct Decision {
  std::string who, reason;
};

class HeldStore {
 public:
  explicit HeldStore(std::string folder, HeldLimits limits = {},
                     os::FileSystem& files = os::FileSystem::real());

  // Reads what is there. Once, before anything else; a folder that is not there is empty.
  Result<void> open();

  // Keeps it, over one of the same serial. Durable when it returns success.
  Result<void> keep(const HeldVersion& version);
  // In the order they came; of all zones, or of one.
  std::vector<HeldFacts> list() const;
  std::vector<HeldFacts> list(const wire::Name& zone) const;
  Result<HeldVersion> read(const wire::Name& zone, std::uint32_t serial) const;
  Result<void> drop(const wire::Name& zone, std::uint32_t serial);
  // Drops those that a limit held.
  void drop_held(const wire::Name& zone);
  void forget(const wire::Name& zone);  // the zone is gone, and all of this with it

  Result<void> keep_base(const zone::Snapshot& served);
  Result<zone::SnapshotPtr> base(const wire::Name& zone) const;  // null: there is none
  bool has_base(const wire::Name& zone) const;
  void drop_base(const wire::Name& zone);

  Result<void> keep_step(const zone::Diff& diff);
  // (from, to), the newest last.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> steps(const wire::Name& zone) const;
  Result<zone::Diff> step(const wire::Name& zone, std::uint32_t from, std::uint32_t to) const;

  // One line more in @decisions.log, and in the program's log.
  Result<void> note(std::string_view what, const wire::Name& zone, std::uint32_t serial,
                    const Decision& decision, Time now);

 private:
  struct Zone {
    std::vector<HeldFacts> held;  // oldest first
    std::vector<std::pair<std::uint32_t, std::uint32_t>> steps;
    std::optional<std::uint32_t> base;  // its serial
  };
  std::string folder_of(const wire::Name& zone) const;
  Result<void> write(const std::string& path, const Bytes& content);
  Result<Bytes> load(const std::string& path) const;
  void remove(const std::string& path);  // lock held
  Result<void> make_folder(const wire::Name& zone);
  void open_zone(const std::string& path);
  void count();  // lock held

  const std::string folder_;
  const HeldLimits limits_;
  os::FileSystem& files_;
  mutable std::mutex mutex_;
  std::map<wire::Name, Zone> zones_;
  std::uint64_t octets_ = 0;
};

// The zone's content as the diff of a first version.
zone::Diff whole_diff(const zone::Snapshot& snapshot);
// Only what registry or operator wrote, without signatures: as a DiffSource gives it. The SOA is left out.
zone::Diff content_of(const zone::Diff& diff);

}  // namespace onoma::publish
