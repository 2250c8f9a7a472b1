// SnapshotBuilder: sets and records in any order → one chunk → a snapshot.
#include <fmt/format.h>

#include "wire/rrtype.h"
#include "zone/assemble.h"

namespace onoma::zone {

struct SnapshotBuilder::State {
  explicit State(Name name) : apex(std::move(name)), chunk(apex) {}

  Name apex;
  RecordChunk chunk;
  std::vector<std::string> warnings;
  std::uint32_t batches = 0;
};

SnapshotBuilder::SnapshotBuilder(Name apex) : state_(std::make_unique<State>(std::move(apex))) {}
SnapshotBuilder::~SnapshotBuilder() = default;
const std::vector<std::string>& SnapshotBuilder::warnings() const {
  return state_->warnings;
}

Result<void> SnapshotBuilder::add(RRset set) {
  const auto batch = ++state_->batches;
  for (const auto& data : set.rdatas)
    ONOMA_TRY_VOID(state_->chunk.put(set.owner, set.type, set.ttl, data, batch));
  for (const auto& data : set.signatures)
    ONOMA_TRY_VOID(state_->chunk.put(set.owner, RRType::RRSIG, set.ttl, data, batch));
  return {};
}

Result<void> SnapshotBuilder::add_record(wire::Record&& record) {
  if (record.rr_class != wire::RRClass::IN)
    return fail(Code::bad_request,
                fmt::format("{} {}: class {}; only IN is served", record.owner.text(),
                            wire::type_text(record.type), wire::class_text(record.rr_class)));
  return state_->chunk.put(record.owner, record.type, record.ttl, record.rdata);
}

Result<SnapshotPtr> SnapshotBuilder::finish() {
  std::vector<RecordChunk> chunks;
  chunks.push_back(std::move(state_->chunk));
  sort(chunks.front());
  return build_snapshot(state_->apex, std::move(chunks), state_->warnings);
}

}  // namespace onoma::zone
