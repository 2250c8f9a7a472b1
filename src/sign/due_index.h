// Internal to sign: which sets must be signed again next. Belongs to one signer and its queue.
//
// Nothing of it is stored: it is read off a version by one walk, which keeps the kMaxEntries earliest
// renewals, and follows the diffs from then on. When the kept ones are used up, the next walk follows.
// Entries may be out of date; they are checked against the version whenever they come to the front, so that
// refused versions do no harm.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "sign/set_signer.h"
#include "zone/snapshot.h"

namespace onoma::sign {

class DueIndex {
 public:
  static constexpr std::size_t kMaxEntries = 65'536;  // about 10 MB

  struct Entry {
    std::uint32_t renewal = 0;  // Unix seconds; 0: signed by keys that no longer sign
    std::string key;            // sort key, or hash for NSEC3
    wire::RRType type{};
    mutable std::uint32_t serial = 0;  // of the version that it was made for
    bool operator<(const Entry& other) const {
      return std::tie(renewal, key, type) < std::tie(other.renewal, other.key, other.type);
    }
  };

  explicit DueIndex(const SetSigner& signer, std::size_t max_entries = kMaxEntries)
      : signer_(signer), max_entries_(max_entries) {}

  // Walks `current` unless the index follows it already.
  void follow(const zone::Snapshot& current);
  // Notes the signatures of a diff against `current`, which may or may not become a version. Costs nothing as
  // long as nobody has asked what is due.
  void note(const zone::Snapshot& current, const zone::Diff& diff);

  // The earliest renewal; nullopt: no signatures. REQUIRES: follow(current).
  std::optional<std::uint32_t> earliest(const zone::Snapshot& current);
  // Sets to be renewed at or before `until`, earliest first, at most `limit`. REQUIRES: follow(current).
  std::vector<Entry> due(const zone::Snapshot& current, std::uint32_t until, std::size_t limit);

  // The largest TTL of a signed set that was seen since the index began.
  std::uint32_t max_ttl_s() const { return max_ttl_s_; }

  // The set that an entry is about.
  static std::optional<zone::NodeView> node(const zone::Snapshot& snapshot, const Entry& entry);

 private:
  bool follows(std::uint32_t serial) const {
    return walked_ && (serial == serial_ || serial == next_serial_);
  }
  void walk(const zone::Snapshot& current);
  void keep(Entry entry);
  bool is_current(const zone::Snapshot& current, const Entry& entry) const;
  // Calls visit(entry) for entries that are true for `current`, earliest first, until it returns false.
  template <class Visit>
  void scan(const zone::Snapshot& current, const Visit& visit);

  const SetSigner& signer_;
  std::size_t max_entries_;
  std::set<Entry> entries_;
  bool complete_ = false;  // the index knows every signature; else only those up to horizon_
  std::uint32_t horizon_ = 0;
  bool walked_ = false;
  std::uint32_t max_ttl_s_ = 0;
  std::uint32_t serial_ = 0;       // of the version last followed
  std::uint32_t next_serial_ = 0;  // of the diff last noted
};

}  // namespace onoma::sign
