// Packets to the answer engine, over UDP and as a stream: no crash, and every reply is a message within its
// limit with the request's ID.
#include <cstdlib>

#include "serve/answer.h"
#include "wire/message_reader.h"
#include "zone/load.h"

using namespace onoma;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

zone::SnapshotPtr load(std::string_view apex, std::string_view text) {
  wire::ZoneFileOptions options;
  options.origin = *wire::Name::parse(apex);
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone_text(text, options, warnings);
  demand(loaded.has_value());
  return *loaded;
}

struct World {
  ManualClock clock{from_unix_seconds(1'559'731'985)};
  serve::ServeOptions options;
  serve::ZoneTable table;
  std::unique_ptr<serve::Answerer> answerer;

  World() {
    options.nsid = "node";
    options.identity = options.version = "x";
    options.clock = &clock;
    options.cookies.sign = crypto::SipKey{};
    const std::string names =
        "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\nc 60 NS ns.c\nc 60 NS ns.e\nns.c 60 A "
        "192.0.2.2\n"
        "e 60 NS ns.e\nns.e 60 A 192.0.2.2\n*.w 60 CNAME d\nd 60 CNAME x.n\nn 60 DNAME m\nx.m 60 MX 1 ns1\n"
        "loop 60 DNAME a.loop\nm 60 HTTPS 1 .\n@ 60 DNSKEY 257 3 13 AAAA\n";
    table.set(load("a.", names + "@ 60 NSEC a. SOA NSEC\nd 60 NSEC a. CNAME\n"));
    table.set(load(
        "b.", names +
                  "@ 60 NSEC3PARAM 1 0 2 aabb\n"
                  "00000000000000000000000000000000 60 NSEC3 1 1 2 aabb G0000000000000000000000000000000\n"
                  "g0000000000000000000000000000000 60 NSEC3 1 1 2 aabb 00000000000000000000000000000000\n"));
    table.set(*wire::Name::parse("x."), serve::ZoneStatus::expired);
    answerer = std::make_unique<serve::Answerer>(table, options);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  static Bytes buffer(65535);
  static constexpr std::array<std::uint8_t, 16> kPeer{};
  const ByteView input(data, size);
  for (const bool udp : {true, false}) {
    const serve::Request request{input, udp, !udp, kPeer, 5000};
    serve::Reply reply{buffer, 0};
    world.answerer->answer({&request, 1}, {&reply, 1});
    if (reply.size == 0) {
      demand(size < 12 || (data[2] & 0x80));
      continue;
    }
    demand(reply.size <= (udp ? 1232U : 65535U));
    const auto message = wire::read_message(ByteView(buffer).first(reply.size));
    demand(message.has_value());
    demand(message->header.qr() && message->header.id == load_u16(data));
    demand((message->header.flags & 0x00f0) == 0);
  }
  world.answerer->release();
  return 0;
}
