#include <array>

#include <poll.h>
#include <sys/socket.h>

#include "os/fd.h"
#include "support.h"
#include "transfer/notify_out.h"

namespace onoma::transfer {
namespace {

using namespace std::chrono_literals;
using test::name;

NotifyHintPtr hint(std::uint32_t serial) {
  return std::make_shared<const NotifyHint>(NotifyHint{.serial = serial});
}

// A plan and its clock; shows what happens as text.
struct Plan {
  SeededRng rng{1};
  NotifyPlan plan;
  Duration now = 1000s;
  std::vector<std::uint16_t> ids;  // of the newest sends
  explicit Plan(NotifyTimes times = {}, const std::vector<std::string>& destinations = {"192.0.2.1"})
      : plan(parse(destinations), times, rng) {}
  static std::vector<NotifyDestination> parse(const std::vector<std::string>& texts) {
    std::vector<NotifyDestination> out;
    out.reserve(texts.size());
    for (const auto& text : texts) out.push_back(NotifyDestination::parse(text, {}).value());
    return out;
  }
  void publish(std::string_view zone, std::uint32_t serial) { plan.published(name(zone), hint(serial), now); }
  std::string step(Duration by = {}) {
    now += by;
    std::vector<NotifyPlan::GivenUp> given_up;
    std::string out;
    const auto sends = plan.due(now, given_up);
    if (!sends.empty()) ids.clear();
    for (const auto& one : sends) {
      out += one.zone.text() + std::to_string(one.hint->serial) + ">" + std::to_string(one.destination) + " ";
      ids.push_back(one.id);
    }
    for (const auto& one : given_up) out += one.zone.text() + "given-up ";
    return out;
  }
  void answer(std::size_t destination = 0) { plan.answered(destination, ids.at(0), now); }
};

TEST(NotifyPlan, TellsEachDestinationThatWantsTheZone) {
  Plan p({}, {"192.0.2.1", "192.0.2.2 zone=a.", "192.0.2.3 zone=b.,c."});
  p.publish("a.", 1);
  EXPECT_EQ(p.step(), "a.1>0 a.1>1 ");
  EXPECT_EQ(p.step(), "") << "once";
  p.publish("c.", 5);
  EXPECT_EQ(p.step(), "c.5>0 c.5>2 ");
}

TEST(NotifyPlan, RepeatsWithLongerWaitsAndGivesUp) {
  Plan p;
  p.publish("a.", 1);
  EXPECT_EQ(p.step(), "a.1>0 ");
  Duration wait = 1s;
  for (int i = 0; i < 5; ++i, wait *= 2) {
    EXPECT_EQ(p.plan.next_due(), p.now + wait);
    EXPECT_EQ(p.step(wait - 1us), "");
    EXPECT_EQ(p.step(1us), "a.1>0 ") << i;
  }
  EXPECT_EQ(p.step(wait), "a.given-up ");
  EXPECT_EQ(p.plan.entries(), 0U);
  EXPECT_EQ(p.plan.next_due(), std::nullopt);
}

TEST(NotifyPlan, AnAnswerEndsIt) {
  Plan p;
  p.publish("a.", 1);
  p.step();
  ASSERT_EQ(*p.plan.outstanding(0, p.ids[0]), name("a."));
  p.answer();
  EXPECT_EQ(p.plan.outstanding(0, p.ids[0]), nullptr);
  EXPECT_EQ(p.step(100s), "");
  EXPECT_EQ(p.plan.entries(), 0U);
}

TEST(NotifyPlan, VersionsThatComeMeanwhileAreToldOnceAfterwards) {
  Plan p;
  p.publish("a.", 1);
  p.step();
  p.publish("a.", 2);
  p.publish("a.", 3);
  EXPECT_EQ(p.step(500ms), "") << "one is outstanding";
  p.answer();
  EXPECT_EQ(p.step(), "") << "the interval is not over";
  EXPECT_EQ(p.step(500ms), "a.3>0 ");
}

TEST(NotifyPlan, ARepetitionTellsTheNewestVersion) {
  Plan p;
  p.publish("a.", 1);
  p.step();
  p.publish("a.", 2);
  EXPECT_EQ(p.step(1s), "a.2>0 ");
  p.answer();
  EXPECT_EQ(p.step(100s), "");
}

TEST(NotifyPlan, KeepsTheIntervalAfterAnAnswer) {
  Plan p({.interval = 10s});
  p.publish("a.", 1);
  p.step();
  p.answer();
  p.publish("a.", 2);
  EXPECT_EQ(p.step(9s), "");
  EXPECT_EQ(p.step(1s), "a.2>0 ");
  Plan at_once({.interval = 0s});
  at_once.publish("a.", 1);
  at_once.step();
  at_once.answer();
  at_once.publish("a.", 2);
  EXPECT_EQ(at_once.step(), "a.2>0 ");
}

TEST(NotifyPlan, ForgetsAZoneInEveryState) {
  for (const int state : {0, 1, 2}) {
    Plan p({.interval = 10s});
    p.publish("a.", 1);
    if (state > 0) p.step();
    if (state > 1) p.answer();
    p.plan.forget(name("A."));
    EXPECT_EQ(p.plan.entries(), 0U) << state;
    EXPECT_EQ(p.step(100s), "") << state;
  }
}

TEST(NotifyPlan, HasOnlySoManyOutstandingAtADestination) {
  Plan p;
  for (std::size_t i = 0; i < 2 * NotifyPlan::kOutstandingMax; ++i)
    p.publish("z" + std::to_string(i) + ".", 1);
  p.step();
  EXPECT_EQ(p.ids.size(), NotifyPlan::kOutstandingMax);
  EXPECT_GT(*p.plan.next_due(), p.now) << "no busy waiting for a place";
  p.answer();
  p.step();
  EXPECT_EQ(p.ids.size(), 1U);
}

TEST(NotifyDestination, IsReadFromItsText) {
  KeyRing ring;
  ASSERT_TRUE(ring.add(test::test_key("k.")));
  ASSERT_TRUE(ring.add(test::test_key("old.", TsigAlgorithm::hmac_sha1)));
  const auto all = NotifyDestination::parse("[2001:db8::1]:5300 key=k zone=a.,b. from=2001:db8::2", ring);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->to.text(), "[2001:db8::1]:5300");
  EXPECT_EQ(all->from->address_text(), "2001:db8::2");
  EXPECT_TRUE(all->wants(name("B.")));
  EXPECT_FALSE(all->wants(name("c.")));
  EXPECT_EQ(NotifyDestination::parse("192.0.2.1", ring)->to.text(), "192.0.2.1:53");
  EXPECT_EQ(NotifyDestination::parse("2001:db8::1", ring)->to.text(), "[2001:db8::1]:53");
  for (const auto* bad : {"", "ns.example.", "192.0.2.0/24", "192.0.2.1 key=x", "192.0.2.1 key=old",
                          "192.0.2.1 from=::1", "192.0.2.1 over=tls"}) {
    const auto refused = NotifyDestination::parse(bad, ring);
    ASSERT_FALSE(refused) << bad;
    EXPECT_TRUE(refused.error().message.starts_with("notify \"")) << refused.error().message;
  }
}

// --- over sockets ---

// A secondary that a test speaks for.
class Secondary {
 public:
  Secondary() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    auto any = os::Endpoint::parse("127.0.0.1:0").value();
    EXPECT_EQ(::bind(fd_.get(), any.data(), any.size()), 0);
    socklen_t size = os::Endpoint::kCapacity;
    EXPECT_EQ(::getsockname(fd_.get(), bound_.buffer(), &size), 0);
  }
  std::string address() const { return bound_.text(); }
  Bytes receive(int wait_ms = 5000) {
    pollfd watched{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, wait_ms) != 1) return {};
    Bytes out(4096);
    socklen_t size = os::Endpoint::kCapacity;
    const auto got = ::recvfrom(fd_.get(), out.data(), out.size(), 0, peer_.buffer(), &size);
    out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return out;
  }
  void send(const Bytes& message) {
    EXPECT_EQ(::sendto(fd_.get(), message.data(), message.size(), 0, peer_.data(), peer_.size()),
              static_cast<ssize_t>(message.size()));
  }

 private:
  os::Fd fd_;
  os::Endpoint bound_, peer_;
};

Bytes answer_to(const Bytes& request, std::size_t size) {
  Bytes out(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(size));
  out[2] = static_cast<std::uint8_t>(out[2] | 0x80);
  return out;
}

TEST(NotifySender, SendsTheSoaAndStopsWhenAnswered) {
  Secondary secondary;
  SystemClock clock;
  SystemRng rng;
  auto sender = NotifySender::start({NotifyDestination::parse(secondary.address(), {}).value()},
                                    {.interval = 0s, .first_wait = 50ms}, clock, rng);
  ASSERT_TRUE(sender);
  (*sender)->shown(name("example."), *test::snapshot_of(test::zone_text(42, 1)));
  auto request = secondary.receive();
  const auto message = wire::read_message(request);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header.opcode(), wire::Opcode::notify);
  EXPECT_TRUE(message->header.aa());
  ASSERT_EQ(message->answers.size(), 1U);
  EXPECT_EQ(wire::soa_serial(message->answers[0].rdata), 42U);
  auto forged = answer_to(request, request.size());
  forged[0] = static_cast<std::uint8_t>(forged[0] ^ 1);
  secondary.send(forged);
  const auto again = secondary.receive();
  EXPECT_EQ(again, request) << "repeated: what had another id was no answer";
  secondary.send(answer_to(again, again.size()));
  (*sender)->shown(name("example."), *test::snapshot_of(test::zone_text(43, 1)));
  Bytes next;
  do next = secondary.receive();
  while (next == request);
  const auto newer = wire::read_message(next);
  ASSERT_TRUE(newer);
  ASSERT_EQ(newer->answers.size(), 1U);
  EXPECT_EQ(wire::soa_serial(newer->answers[0].rdata), 43U);
}

TEST(NotifySender, SignsAndBelievesOnlySignedAnswers) {
  Secondary secondary;
  SystemClock clock;
  SystemRng rng;
  KeyRing ring;
  ASSERT_TRUE(ring.add(test::test_key()));
  auto sender =
      NotifySender::start({NotifyDestination::parse(secondary.address() + " key=key.example.", ring).value()},
                          {.interval = 0s, .first_wait = 50ms}, clock, rng);
  ASSERT_TRUE(sender);
  (*sender)->shown(name("example."), *test::snapshot_of(test::zone_text(42, 1)));
  const auto request = secondary.receive();
  auto check = check_request(request, ring, clock.now());
  ASSERT_EQ(check.verdict, TsigCheck::Verdict::good);
  auto plain = answer_to(request, check.size);
  store_u16(&plain[10], 0);
  secondary.send(plain);
  const auto again = secondary.receive();
  ASSERT_FALSE(again.empty()) << "an unsigned answer does not count";
  check = check_request(again, ring, clock.now());
  ASSERT_EQ(check.verdict, TsigCheck::Verdict::good);
  TsigSigner signer(check);
  ASSERT_TRUE(signer.sign(plain, clock.now()));
  secondary.send(plain);
  EXPECT_TRUE(secondary.receive(300).empty());
}

}  // namespace
}  // namespace onoma::transfer
