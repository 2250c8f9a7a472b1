#include "zone/load.h"

#include <fmt/format.h>

namespace onoma::zone {

namespace {

constexpr std::size_t kPieceOctets = 64 * 1024;

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

Result<SnapshotPtr> load_zone_text(std::string_view text, const wire::ZoneFileOptions& options,
                                   std::vector<std::string>& warnings) {
  SnapshotBuilder builder(options.origin);
  ONOMA_TRY_VOID(wire::parse_zone_text(
      text, options, [&](wire::Record&& record) { return builder.add_record(std::move(record)); }));
  auto snapshot = builder.finish();
  for (const auto& warning : builder.warnings())
    warnings.push_back(fmt::format("{}: {}", options.file_name, warning));
  if (!snapshot) return fail_in(options.file_name, std::move(snapshot).error());
  return *std::move(snapshot);
}

Result<void> write_zone_text(const Snapshot& snapshot, const TextSink& sink) {
  Text text(sink);
  const auto apex = snapshot.apex();
  if (const auto soa = apex.find(RRType::SOA)) ONOMA_TRY_VOID(text.put(apex.owner(), *soa));
  for (auto at = snapshot.first(); at.valid(); at.next()) {
    const auto node = at.node();
    for (std::size_t i = 0, n = node.size(); i < n; ++i) {
      const auto set = node.at(i);
      if (set.type() != RRType::SOA || node.encoded() != apex.encoded())
        ONOMA_TRY_VOID(text.put(node.owner(), set));
    }
  }
  for (auto at = snapshot.nsec3_first(); at.valid(); at.next())
    for (std::size_t i = 0, n = at.node().size(); i < n; ++i)
      ONOMA_TRY_VOID(text.put(at.node().owner(), at.node().at(i)));
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
