// Streams of AXFR and IXFR answers: no crash, no work without end; what is accepted as whole builds a zone or
// is told why not, and a zone or a change never has more than the limits allow.
//
// The first octet chooses the question; then messages follow, each behind its length in two octets, as on
// TCP.
#include <cstdlib>

#include "transfer/incoming_content.h"
#include "zone/load.h"

using namespace onoma;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

zone::SnapshotPtr ours() {
  wire::ZoneFileOptions options;
  options.origin = *wire::Name::parse("example.");
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone_text(
      "@ 3600 SOA ns1 host 3 1800 900 604800 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\nwww 60 A 192.0.2.2\n",
      options, warnings);
  demand(loaded.has_value());
  return *loaded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto current = ours();
  if (size == 0) return 0;
  transfer::TransferQuestion question{
      .zone = current->facts().apex, .kind = transfer::TransferKind::axfr, .id = 7, .have = 3};
  if ((data[0] & 1) != 0) question.kind = transfer::TransferKind::ixfr;
  if ((data[0] & 3) == 2) question.have.reset();
  transfer::IncomingLimits limits;
  limits.records_max = 2000;
  limits.chunk_records = 16;
  limits.set_records_max = 64;
  limits.owner_types_max = 64;
  transfer::Incoming incoming(question, limits);
  ByteReader stream(ByteView(data + 1, size - 1));
  while (!incoming.done()) {
    const auto octets = stream.u16();
    const auto message = octets ? stream.bytes(*octets) : std::nullopt;
    if (!message) {
      demand(!incoming.end().has_value());
      return 0;
    }
    if (!incoming.take(*message)) return 0;
  }
  demand(incoming.end().has_value());
  auto outcome = incoming.outcome();
  demand(outcome.records <= limits.records_max && outcome.messages > 0);
  std::vector<std::string> warnings;
  switch (outcome.kind) {
    case transfer::IncomingOutcome::Kind::up_to_date:
      demand(question.have && !wire::serial_newer(outcome.soa.serial, *question.have));
      break;
    case transfer::IncomingOutcome::Kind::whole: {
      demand(!question.have || wire::serial_newer(outcome.soa.serial, *question.have));
      const auto zone = transfer::build_whole(question.zone, std::move(outcome.chunks), limits, warnings);
      demand(!zone || (*zone)->facts().serial == outcome.soa.serial);
      break;
    }
    case transfer::IncomingOutcome::Kind::steps: {
      demand(!outcome.steps.empty() && outcome.steps.back().to.serial == outcome.soa.serial);
      const auto next = transfer::apply_steps(*current, outcome.steps, limits);
      demand(!next || next->snapshot->facts().serial == outcome.soa.serial);
      break;
    }
  }
  return 0;
}
