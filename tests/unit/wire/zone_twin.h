// Zone text read in every way there is, for tests and fuzzers that hate any difference.
#pragma once

#include <ostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "wire/zonefile_pieces.h"

namespace onoma::wire::test {

// All octets that come out: of each record, and the error.
inline void put_record(std::string& out, const RecordView& record) {
  Bytes octets;
  ByteWriter writer(octets);
  writer.block(record.owner.wire());
  writer.u16(number(record.type));
  writer.u32(record.ttl);
  writer.block(record.rdata);
  out += as_text(octets);
}

struct Reading {
  std::string records;  // of a text with an error in pieces: empty, as they are no use
  std::string error;
  bool operator==(const Reading&) const = default;
  Reading without_records() const { return {error.empty() ? records : "", error}; }
};
inline void PrintTo(const Reading& reading, std::ostream* out) {
  *out << reading.records.size() << " octets of records, error '" << reading.error << "'";
}

inline Reading read_whole(std::string_view text, ZoneFileOptions options, ZoneScan scan) {
  options.scan = scan;
  Reading out;
  const auto result = parse_zone_views(text, options, [&](const RecordView& record) -> Result<void> {
    put_record(out.records, record);
    return {};
  });
  if (!result) out.error = result.error().message;
  return out;
}

inline Reading read_pieces(std::string_view text, const ZoneFileOptions& options,
                           std::span<const std::size_t> cuts, const Parallel& parallel = serially) {
  std::vector<std::string> pieces(cuts.size());
  std::vector<PieceSink> sinks;
  for (auto& piece : pieces)
    sinks.push_back({.record = [&piece](const RecordView& record) -> Result<void> {
                       put_record(piece, record);
                       return {};
                     },
                     .again = [&piece] { piece.clear(); }});
  const auto result = parse_zone_pieces(text, options, cuts, parallel, sinks);
  if (!result) return {"", result.error().message};
  Reading out;
  for (const auto& piece : pieces) out.records += piece;
  return out;
}

inline std::vector<std::size_t> random_cuts(std::size_t size, std::size_t most, std::mt19937_64& random) {
  std::vector<std::size_t> cuts{0};
  for (std::size_t i = 0; i < most && cuts.back() + 1 < size; ++i)
    cuts.push_back(cuts.back() + 1 + random() % (2 * size / most + 1));
  while (cuts.size() > 1 && cuts.back() >= size) cuts.pop_back();
  return cuts;
}

}  // namespace onoma::wire::test
