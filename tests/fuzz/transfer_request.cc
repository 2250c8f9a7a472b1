// What a DNS door hands to transfer: any octets get a well-formed answer, a stream that ends, or nothing.
#include <cstdlib>
#include <string>
#include <vector>

#include "transfer/outgoing.h"
#include "transfer/service.h"
#include "wire/message_reader.h"
#include "zone/load.h"

using namespace onoma;
using namespace onoma::transfer;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

zone::SnapshotPtr version(std::uint32_t serial) {
  std::vector<std::string> warnings;
  auto loaded =
      zone::load_zone_text("$TTL 60\n@ SOA ns a " + std::to_string(serial) +
                               " 1 1 1 1\n@ NS ns\nns A 192.0.2.1\nx" + std::to_string(serial) + " TXT x\n",
                           {.origin = *wire::Name::parse("example.")}, warnings);
  demand(loaded.has_value());
  return *loaded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const SystemClock clock;
  static const auto first = version(1), second = version(2);
  static Service& service = *[] {
    ServiceOptions options;
    if (!options.keys.add(std::make_shared<const TsigKey>(*wire::Name::parse("key.example."),
                                                          TsigAlgorithm::hmac_sha256, Bytes(32))))
      std::abort();
    options.allow = *AccessList::parse({"any"}, options.keys);
    static Service made(
        std::move(options),
        [](const wire::Name& apex) -> ServedZone {
          if (apex != *wire::Name::parse("example.")) return {};
          return {.status = ServedZone::Status::loaded, .snapshot = second, .expires_in_s = {}};
        },
        clock);
    made.shown(*wire::Name::parse("example."), zone::difference(*first, *second));
    return &made;
  }();
  const ByteView input(data, size);
  if (!Service::concerns(input)) return 0;
  static const auto peer = *os::Endpoint::from_bytes(Bytes{127, 0, 0, 1}, 5300);
  for (const auto transport : {Transport::udp, Transport::tcp}) {
    Service::Session session;
    auto handling = service.handle(input, peer, transport, transport == Transport::udp ? nullptr : &session);
    if (!handling.reply.empty()) demand(wire::read_message(handling.reply).has_value());
    if (transport == Transport::udp) demand(handling.reply.size() <= 1232 && !handling.stream);
    Bytes next;
    for (int messages = 0; handling.stream && handling.stream(next); ++messages) {
      demand(wire::read_message(next).has_value());
      demand(messages < 2);
    }
  }
  // Rules and destinations are texts of an operator.
  static_cast<void>(AccessRule::parse(as_text(input), service.keys()));
  return 0;
}
