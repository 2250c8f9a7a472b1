#include "transfer/service.h"

#include "base/rng.h"
#include "support.h"

namespace onoma::transfer {
namespace {

using test::Ask;
using test::name;
using test::snapshot_of;
using test::zone_text;
using wire::Rcode;
using wire::RRType;
using wire::TsigError;

class Server : public ::testing::Test, public NotifyTarget {
 protected:
  static constexpr std::string_view kRules[] = {"127.0.0.1", "192.0.2.0/24 key=key.example.",
                                                "127.0.0.3 over=tls"};

  Server() { make({}); }
  void make(ServiceOptions options) {
    EXPECT_TRUE(options.keys.add(key));
    options.allow = AccessList::parse({std::begin(kRules), std::end(kRules)}, options.keys).value();
    service = std::make_unique<Service>(
        std::move(options),
        [this](const wire::Name& apex) -> ServedZone {
          if (apex == name("example.")) return {.status = ServedZone::Status::loaded, .snapshot = zone};
          if (apex == name("broken.")) return {.status = ServedZone::Status::not_loaded, .snapshot = nullptr};
          return {};
        },
        clock);
  }
  void show(const std::string& text) {
    auto next = snapshot_of(text);
    service->shown(name("example."), zone::difference(*zone, *next));
    zone = next;
  }

  Handling handle(const Bytes& message, std::string_view from = "127.0.0.1:1000",
                  Transport over = Transport::tcp) {
    EXPECT_TRUE(Service::concerns(message));
    return service->handle(message, os::Endpoint::parse(from).value(), over,
                           over == Transport::udp ? nullptr : &session);
  }
  Bytes signed_by_key(Bytes message, Duration later = {}) {
    TsigSigner signer(key);
    EXPECT_TRUE(signer.sign(message, clock.now() + later));
    mac.assign(signer.mac().begin(), signer.mac().end());
    return message;
  }
  static wire::Message read(const Bytes& reply) {
    const auto message = wire::read_message(reply);
    EXPECT_TRUE(message);
    return message.value_or(wire::Message{});
  }
  static Rcode rcode_of_reply(const Bytes& reply) {
    EXPECT_FALSE(reply.empty());
    return reply.empty() ? Rcode::yxdomain : rcode_of(read(reply));
  }
  static std::vector<Bytes> draw(Handling& handling) {
    std::vector<Bytes> out;
    Bytes next;
    while (handling.stream && handling.stream(next)) out.push_back(next);
    handling.stream = nullptr;
    return out;
  }
  // Of the EDE option; -1 without one.
  static int ede(const Bytes& reply) {
    const auto message = read(reply);
    const auto edns = edns_of(message);
    if (!edns || edns->options.size() < 6 || load_u16(edns->options.data()) != 15) return -1;
    return load_u16(&edns->options[4]);
  }
  TsigError tsig_error(const Bytes& reply) {
    wire::Tsig tsig;
    std::size_t start = 0;
    EXPECT_EQ(wire::find_tsig(reply, tsig, start), wire::TsigSearch::found);
    return tsig.error;
  }

  NotifyVerdict notify(wire::NameView about, const os::Endpoint&, const wire::Name* with,
                       std::optional<std::uint32_t> serial) override {
    notified =
        about.text() + (serial ? " " + std::to_string(*serial) : "") + (with ? " " + with->text() : "");
    return verdict;
  }

  ManualClock clock{from_unix_seconds(1'800'000'000)};
  TsigKeyPtr key = test::test_key();
  zone::SnapshotPtr zone = snapshot_of(zone_text(1, 3));
  std::unique_ptr<Service> service;
  Service::Session session;
  Bytes mac;
  NotifyVerdict verdict = NotifyVerdict::accepted;
  std::string notified;
};

TEST_F(Server, PlainQueriesAreNotForIt) {
  for (const auto type : {RRType::A, RRType::SOA, RRType::ANY}) {
    EXPECT_FALSE(Service::concerns(Ask{.type = type}.octets()));
    EXPECT_FALSE(Service::concerns(Ask{.type = type, .edns = true}.octets()));
    EXPECT_TRUE(Service::concerns(signed_by_key(Ask{.type = type}.octets())));
    EXPECT_TRUE(Service::concerns(signed_by_key(Ask{.type = type, .edns = true}.octets())));
  }
  auto answer = Ask{}.octets();
  EXPECT_TRUE(Service::concerns(answer));
  answer[2] = static_cast<std::uint8_t>(answer[2] | 0x80);
  EXPECT_FALSE(Service::concerns(answer)) << "an answer";
  for (std::size_t size = 0; size < answer.size(); ++size)
    EXPECT_FALSE(Service::concerns(ByteView(answer).first(size))) << size;
}

TEST_F(Server, SendsAZoneToWhoMayHaveIt) {
  auto handling = handle(Ask{.flags = 0x0100}.octets());
  EXPECT_TRUE(handling.reply.empty());
  const auto records = test::records_of(draw(handling));
  EXPECT_EQ(records.size(), test::content_of(*zone).size() + 1);
  EXPECT_EQ(service->counts().whole, 1U);
}

TEST_F(Server, RefusesEverybodyElse) {
  const auto request = Ask{.edns = true}.octets();
  for (const auto& [from, over] :
       {std::pair{"127.0.0.2:1", Transport::tcp}, std::pair{"192.0.2.1:1", Transport::tcp},
        std::pair{"127.0.0.3:1", Transport::tcp}}) {
    const auto handling = handle(request, from, over);
    EXPECT_EQ(rcode_of_reply(handling.reply), Rcode::refused) << from;
    EXPECT_EQ(ede(handling.reply), 18);
    EXPECT_EQ(read(handling.reply).questions.size(), 1U);
    EXPECT_FALSE(handling.stream);
  }
  EXPECT_TRUE(handle(request, "127.0.0.3:1", Transport::tls).stream);
  EXPECT_TRUE(handle(signed_by_key(Ask{}.octets()), "192.0.2.1:1").stream);
  EXPECT_EQ(rcode_of_reply(handle(signed_by_key(Ask{}.octets()), "127.0.0.2:1").reply), Rcode::refused);
  EXPECT_EQ(service->counts().refused, 4U);
}

TEST_F(Server, TellsUnknownFromUnloadedZones) {
  const auto unknown = handle(Ask{.zone = "other.", .edns = true}.octets()).reply;
  EXPECT_EQ(rcode_of_reply(unknown), Rcode::notauth);
  EXPECT_EQ(ede(unknown), 20);
  const auto broken = handle(Ask{.zone = "broken.", .edns = true}.octets()).reply;
  EXPECT_EQ(rcode_of_reply(broken), Rcode::servfail);
  EXPECT_EQ(ede(broken), 14);
  EXPECT_EQ(rcode_of_reply(handle(Ask{.zone = "other."}.octets(), "127.0.0.2:1").reply), Rcode::refused)
      << "strangers do not learn which zones there are";
}

TEST_F(Server, AxfrOverUdpIsNotimp) {
  const auto reply = handle(Ask{.edns = true}.octets(), "127.0.0.1:1000", Transport::udp).reply;
  EXPECT_EQ(rcode_of_reply(reply), Rcode::notimp);
  EXPECT_EQ(ede(reply), 21);
}

TEST_F(Server, WrongSignaturesAreNotauthWithTheirError) {
  auto request = signed_by_key(Ask{}.octets());
  auto bent = request;
  bent[13] = static_cast<std::uint8_t>(bent[13] ^ 0x20);  // the name's case is covered too
  auto reply = handle(bent).reply;
  EXPECT_EQ(rcode_of_reply(reply), Rcode::notauth);
  EXPECT_EQ(tsig_error(reply), TsigError::badsig);
  reply = handle(signed_by_key(Ask{}.octets(), std::chrono::seconds{1000})).reply;
  EXPECT_EQ(rcode_of_reply(reply), Rcode::notauth);
  EXPECT_EQ(tsig_error(reply), TsigError::badtime);
  TsigSigner stranger(test::test_key("unknown."));
  auto unknown = Ask{}.octets();
  ASSERT_TRUE(stranger.sign(unknown, clock.now()));
  reply = handle(unknown).reply;
  EXPECT_EQ(tsig_error(reply), TsigError::badkey);
  auto twice = request;
  append(twice, ByteView(request).subspan(Ask{}.octets().size()));
  store_u16(&twice[10], 2);
  EXPECT_EQ(rcode_of_reply(handle(twice).reply), Rcode::formerr);
}

TEST_F(Server, SignedRequestsGetSignedAnswers) {
  auto handling = handle(signed_by_key(Ask{}.octets()), "192.0.2.1:1");
  TsigVerifier verifier(key, mac);
  for (const auto& message : draw(handling)) EXPECT_TRUE(verifier.add(message, clock.now()));
  EXPECT_TRUE(verifier.complete());
  const auto refused = handle(signed_by_key(Ask{.zone = "other."}.octets()), "192.0.2.1:1").reply;
  TsigVerifier other(key, mac);
  EXPECT_TRUE(other.add(refused, clock.now()));
}

TEST_F(Server, IxfrFromAnOlderSerialIsIncremental) {
  show(zone_text(2, 4));
  auto handling = handle(Ask{.type = RRType::IXFR, .have = 1}.octets());
  const auto records = test::records_of(draw(handling));
  EXPECT_EQ(records.size(), 5U);
  EXPECT_EQ(service->counts().incremental, 1U);
}

TEST_F(Server, IxfrFromTheSameOrANewerSerialIsTheSoa) {
  for (const std::uint32_t have : {1U, 2U}) {
    const auto reply = handle(Ask{.type = RRType::IXFR, .have = have}.octets()).reply;
    const auto message = read(reply);
    ASSERT_EQ(message.answers.size(), 1U) << have;
    EXPECT_EQ(wire::soa_serial(message.answers[0].rdata), 1U);
    EXPECT_TRUE(message.header.aa());
  }
  EXPECT_EQ(service->counts().up_to_date, 2U);
}

TEST_F(Server, IxfrFromAnUnknownSerialIsTheWholeZone) {
  show(zone_text(5, 4));
  auto handling = handle(Ask{.type = RRType::IXFR, .have = 3}.octets());
  const auto records = test::records_of(draw(handling));
  EXPECT_EQ(records.size(), test::content_of(*zone).size() + 1);
  EXPECT_EQ(service->counts().whole, 1U);
}

TEST_F(Server, IxfrOverUdpFitsOrIsTheSoa) {
  show(zone_text(2, 4));
  auto reply = handle(Ask{.type = RRType::IXFR, .have = 1}.octets(), "127.0.0.1:1000", Transport::udp).reply;
  EXPECT_EQ(read(reply).answers.size(), 5U);
  show(zone_text(3, 100));
  reply = handle(Ask{.type = RRType::IXFR, .have = 2, .edns = true, .udp_size = 4096}.octets(),
                 "127.0.0.1:1000", Transport::udp)
              .reply;
  EXPECT_EQ(read(reply).answers.size(), 1U) << "above the server's own limit";
  reply = handle(Ask{.type = RRType::IXFR, .have = 77}.octets(), "127.0.0.1:1000", Transport::udp).reply;
  EXPECT_EQ(read(reply).answers.size(), 1U);
  reply =
      handle(signed_by_key(Ask{.type = RRType::IXFR, .have = 1}.octets()), "192.0.2.1:1000", Transport::udp)
          .reply;
  EXPECT_LE(reply.size(), 512U);
}

TEST_F(Server, IxfrWithoutASoaIsFormerr) {
  EXPECT_EQ(rcode_of_reply(handle(Ask{.type = RRType::IXFR}.octets()).reply), Rcode::formerr);
}

TEST_F(Server, TellsExpireToWhoAsks) {
  Bytes option;
  ByteWriter out(option);
  out.u16(9);
  out.u16(0);
  auto handling = handle(Ask{.edns = true, .options = option}.octets());
  const auto first = draw(handling).at(0);
  const auto message = read(first);
  const auto edns = edns_of(message);
  ASSERT_TRUE(edns);
  ASSERT_EQ(edns->options.size(), 8U);
  EXPECT_EQ(load_u16(edns->options.data()), 9);
  EXPECT_EQ(load_u32(&edns->options[4]), 604800U);
}

TEST_F(Server, OnlySoManyTransfersAtATime) {
  make({.transfers_max = 3, .transfers_per_connection = 2});
  std::vector<Handling> open;
  open.push_back(handle(Ask{}.octets()));
  open.push_back(handle(Ask{}.octets()));
  EXPECT_EQ(rcode_of_reply(handle(Ask{}.octets()).reply), Rcode::servfail) << "the third of a connection";
  open.push_back(handle(Ask{}.octets(), "127.0.0.1:1001"));
  EXPECT_EQ(service->counts().running, 3U);
  EXPECT_EQ(rcode_of_reply(handle(Ask{}.octets(), "127.0.0.1:1002").reply), Rcode::servfail)
      << "the fourth of all";
  EXPECT_EQ(rcode_of_reply(handle(Ask{}.octets(), "127.0.0.2:1").reply), Rcode::refused)
      << "rules come before quotas";
  open.pop_back();
  EXPECT_TRUE(handle(Ask{}.octets(), "127.0.0.1:1002").stream);
  open.clear();
  EXPECT_EQ(service->counts().running, 0U);
}

TEST_F(Server, AnOrdinarySignedQueryIsHandedBackAndItsAnswerSigned) {
  const auto plain = Ask{.type = RRType::SOA, .edns = true}.octets();
  auto handling = handle(signed_by_key(plain), "127.0.0.9:1", Transport::udp);
  ASSERT_TRUE(handling.query);
  EXPECT_EQ(handling.query->packet(), plain);
  EXPECT_LT(handling.query->room(), 1232U);
  auto answer = plain;
  answer[2] = 0x84;
  const auto reply = handling.query->answer(answer, clock.now());
  TsigVerifier verifier(key, mac);
  EXPECT_TRUE(verifier.add(reply, clock.now()));
}

TEST_F(Server, ASignedAnswerThatIsTooLargeIsCutWithTc) {
  const auto plain = Ask{.type = RRType::SOA}.octets();
  auto handling = handle(signed_by_key(plain), "127.0.0.9:1", Transport::udp);
  ASSERT_TRUE(handling.query);
  EXPECT_EQ(handling.query->room(), 512U);
  Bytes answer = plain;
  answer[2] = 0x84;
  answer.resize(500);
  const auto reply = handling.query->answer(answer, clock.now());
  EXPECT_LE(reply.size(), 512U);
  TsigVerifier verifier(key, mac);
  EXPECT_TRUE(verifier.add(reply, clock.now()));
  const auto message = read(reply);
  EXPECT_TRUE(message.header.tc());
  EXPECT_EQ(message.questions.size(), 1U);
}

Bytes notify_request(RRType type = RRType::SOA) {
  return Ask{.zone = "Example.", .type = type, .flags = 0x2400}.octets();
}

TEST_F(Server, NotifyIsHandedOnAndAnsweredAsTold) {
  EXPECT_EQ(rcode_of_reply(handle(notify_request()).reply), Rcode::notauth) << "nobody takes them";
  service->notify_to(*this);
  const auto reply = handle(notify_request(), "127.0.0.1:1000", Transport::udp).reply;
  EXPECT_EQ(rcode_of_reply(reply), Rcode::noerror);
  EXPECT_EQ(notified, "Example.");
  const auto message = read(reply);
  EXPECT_EQ(message.header.opcode(), wire::Opcode::notify);
  EXPECT_TRUE(message.header.qr());
  ASSERT_EQ(message.questions.size(), 1U);
  verdict = NotifyVerdict::not_secondary;
  EXPECT_EQ(rcode_of_reply(handle(notify_request()).reply), Rcode::notauth);
  verdict = NotifyVerdict::refused;
  EXPECT_EQ(rcode_of_reply(handle(notify_request()).reply), Rcode::refused);
  EXPECT_EQ(rcode_of_reply(handle(notify_request(RRType::A)).reply), Rcode::notimp);
}

TEST_F(Server, NotifyCarriesSerialAndKey) {
  service->notify_to(*this);
  Bytes request(512);
  wire::Writer writer(request, request.size());
  writer.set_header(7, 0x2400);
  writer.add_question(name("example."), RRType::SOA, wire::RRClass::IN);
  const wire::Soa soa{.mname = name("."), .rname = name("."), .serial = 42};
  writer.add_record(wire::Writer::Section::answer, name("example."), RRType::SOA, wire::RRClass::IN, 0,
                    soa.rdata());
  request.resize(writer.finish().size());
  handle(signed_by_key(request), "127.0.0.1:1000", Transport::udp);
  EXPECT_EQ(notified, "example. 42 key.example.");
}

TEST_F(Server, HostileRequestsGetAnErrorOrNothing) {
  SeededRng rng(7);
  const std::vector<Bytes> seeds = {Ask{}.octets(),
                                    Ask{.type = RRType::IXFR, .have = 1, .edns = true}.octets(),
                                    signed_by_key(Ask{.edns = true}.octets()), notify_request()};
  for (int round = 0; round < 20'000; ++round) {
    auto message = seeds[rng.u64() % seeds.size()];
    for (std::uint64_t i = rng.u64() % 4; i > 0; --i)
      message[rng.u64() % message.size()] = static_cast<std::uint8_t>(rng.u64());
    if (rng.u64() % 4 == 0) message.resize(rng.u64() % message.size());
    if (!Service::concerns(message)) continue;
    const auto over = rng.u64() % 2 ? Transport::udp : Transport::tcp;
    auto handling = service->handle(message, os::Endpoint::parse("127.0.0.1:7").value(), over,
                                    over == Transport::udp ? nullptr : &session);
    if (!handling.reply.empty()) {
      ASSERT_TRUE(wire::read_message(handling.reply));
      ASSERT_LE(handling.reply.size(), 1232U);
    }
  }
}

}  // namespace
}  // namespace onoma::transfer
