// Sorted chunks → owners with their RRsets, in the order in which a snapshot stores them. A pure function but
// for the sink. Internal to the loader and the builder.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "zone/node.h"
#include "zone/record_chunk.h"

namespace onoma::zone {

// What is handed over lasts as long as the call; an error ends the assembly and becomes its result.
struct OwnerSink {
  // Each owner of anything but NSEC3, in canonical order; `sets` with ascending types, never empty.
  std::function<Result<void>(std::string_view key, NameView owner, bool is_apex,
                             std::span<const EncodedSet> sets)>
      name;
  // Then each owner of NSEC3 by its 20-octet hash, in the order of hashes.
  std::function<Result<void>(std::string_view hash, NameView owner, const EncodedSet& set)> nsec3;
};

// Unites records of one owner and type into sets: data in canonical order without duplicates, the smallest
// TTL, signatures with what they cover. What was mended or left out is told in `warnings`, at most 1,000 of
// them. An owner keeps the letter case of the record that comes first in its first set.
//
// Fails when there is not exactly one SOA at the apex, or no NS there, or an SOA elsewhere, or a CNAME has
// company (RFC 1034 §3.6.2), or a set is larger than a zone holds.
// REQUIRES: every chunk is of `apex` and sorted. Records of an earlier chunk count as given earlier.
Result<void> assemble(const Name& apex, std::span<const RecordChunk> chunks, const OwnerSink& sink,
                      std::vector<std::string>& warnings);

// A snapshot of what the chunks hold, which are used up.
Result<SnapshotPtr> build_snapshot(const Name& apex, std::vector<RecordChunk> chunks,
                                   std::vector<std::string>& warnings);

}  // namespace onoma::zone
