#include "zone/load.h"

#include <algorithm>

#include <fmt/format.h>

#include "wire/zonefile_pieces.h"
#include "zone/assemble.h"

namespace onoma::zone {

namespace {

constexpr std::size_t kPieceOctets = 64 * 1024;
// Reading: pieces large enough that cutting costs nothing, small enough to keep several threads busy.
constexpr std::size_t kReadPieceOctets = std::size_t{4} << 20;
constexpr std::size_t kMaxPieces = 16;
constexpr std::size_t kRecordOctets = 32;  // text of a short record

class Text {
 public:
  explicit Text(const TextSink& sink) : sink_(sink) {}

  Result<void> put(NameView owner, const RRsetView& set) {
    for (auto data : set.rdatas()) piece_ += wire::record_line(owner, set.ttl(), set.type(), data);
    for (auto data : set.signatures()) piece_ += wire::record_line(owner, set.ttl(), RRType::RRSIG, data);
    return piece_.size() < kPieceOctets ? Result<void>{} : flush();
  }
  Result<void> flush() {
    ONOMA_TRY_VOID(sink_(piece_));
    piece_.clear();
    return {};
  }

 private:
  const TextSink& sink_;
  std::string piece_;
};

}  // namespace

Result<std::vector<RecordChunk>> read_zone_chunks(std::string_view text, const wire::ZoneFileOptions& options,
                                                  const Parallel& parallel, std::size_t pieces) {
  if (pieces == 0) pieces = std::clamp<std::size_t>(text.size() / kReadPieceOctets, 1, kMaxPieces);
  const auto cuts = wire::zone_text_cuts(text, options, pieces);
  std::vector<RecordChunk> chunks;
  std::vector<wire::PieceSink> sinks;
  chunks.reserve(cuts.size());
  sinks.reserve(cuts.size());
  for (std::size_t i = 0; i < cuts.size(); ++i)
    chunks.emplace_back(options.origin,
                        ((i + 1 < cuts.size() ? cuts[i + 1] : text.size()) - cuts[i]) / kRecordOctets);
  for (auto& chunk : chunks)
    sinks.push_back({.record =
                         [&chunk](const wire::RecordView& record) {
                           return chunk.put_valid(record.owner, record.type, record.ttl, record.rdata);
                         },
                     .again = [&chunk] { chunk.clear(); }});
  ONOMA_TRY_VOID(wire::parse_zone_pieces(text, options, cuts, parallel, sinks));
  parallel(chunks.size(), [&](std::size_t i) { sort(chunks[i]); });
  return chunks;
}

Result<SnapshotPtr> load_zone_text(std::string_view text, const wire::ZoneFileOptions& options,
                                   std::vector<std::string>& warnings, const Parallel& parallel) {
  ONOMA_TRY(auto chunks, read_zone_chunks(text, options, parallel));
  std::vector<std::string> found;
  auto snapshot = build_snapshot(options.origin, std::move(chunks), found);
  for (const auto& warning : found) warnings.push_back(fmt::format("{}: {}", options.file_name, warning));
  if (!snapshot) return fail_in(options.file_name, std::move(snapshot).error());
  return *std::move(snapshot);
}

Result<void> write_zone_text(const Snapshot& snapshot, const TextSink& sink) {
  Text text(sink);
  const auto& apex = snapshot.apex();
  if (const auto soa = apex.find(RRType::SOA)) ONOMA_TRY_VOID(text.put(apex.owner(), *soa));
  for (auto at = snapshot.first(); at.valid(); at.next()) {
    const auto node = at.node();
    for (std::size_t i = 0, n = node.size(); i < n; ++i) {
      const auto set = node.at(i);
      if (set.type() != RRType::SOA || !node.is_apex()) ONOMA_TRY_VOID(text.put(node.owner(), set));
    }
  }
  for (auto at = snapshot.nsec3_first(); at.valid(); at.next()) {
    const auto node = at.node();
    for (std::size_t i = 0, n = node.size(); i < n; ++i) ONOMA_TRY_VOID(text.put(node.owner(), node.at(i)));
  }
  return text.flush();
}

std::string zone_text(const Snapshot& snapshot) {
  std::string out;
  const auto written = write_zone_text(snapshot, [&out](std::string_view piece) -> Result<void> {
    out += piece;
    return {};
  });
  static_cast<void>(written);  // this sink never fails
  return out;
}

}  // namespace onoma::zone
