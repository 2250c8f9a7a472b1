#include "transfer/notify_out.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/metrics.h"
#include "os/fd.h"
#include "os/thread.h"
#include "transfer/tsig.h"
#include "wire/message.h"
#include "wire/message_reader.h"

namespace onoma::transfer {

using wire::Name;

namespace {

constexpr std::uint16_t kFlagsNotify = 4U << 11 | 0x0400;  // opcode, AA
constexpr std::size_t kMessageOctets = 2048;               // names, SOA and TSIG fit
constexpr std::size_t kAnswerOctets = 4096;
constexpr int kAnswersAtOnce = 256;  // of one destination, before others have their turn
constexpr int kLongestWaitMs = 60'000;

Result<os::Fd> open_socket(const NotifyDestination& destination) {
  os::Fd fd(
      ::socket(destination.to.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return os::io_failure("cannot make a socket for NOTIFY", errno);
  if (destination.from && ::bind(fd.get(), destination.from->data(), destination.from->size()) != 0)
    return os::io_failure(fmt::format("cannot send NOTIFY from {}", destination.from->address_text()), errno);
  // Connected: nobody else's packets arrive.
  if (::connect(fd.get(), destination.to.data(), destination.to.size()) != 0)
    return os::io_failure(fmt::format("no way to {}", destination.to.text()), errno);
  return fd;
}

std::string_view text_of(wire::Rcode rcode) {
  switch (rcode) {
    case wire::Rcode::formerr:
      return "FORMERR";
    case wire::Rcode::servfail:
      return "SERVFAIL";
    case wire::Rcode::nxdomain:
      return "NXDOMAIN";
    case wire::Rcode::notimp:
      return "NOTIMP";
    case wire::Rcode::refused:
      return "REFUSED";
    case wire::Rcode::notauth:
      return "NOTAUTH";
    default:
      return "an error";
  }
}

}  // namespace

Bytes notify_message(std::uint16_t id, wire::NameView zone, const NotifyHint& hint) {
  Bytes out(kMessageOctets);
  wire::Writer writer(out, out.size());
  writer.set_header(id, kFlagsNotify);
  writer.add_question(zone, wire::RRType::SOA, wire::RRClass::IN);
  if (!hint.rdata.empty())
    writer.add_record(wire::Writer::Section::answer, zone, wire::RRType::SOA, wire::RRClass::IN, hint.ttl,
                      hint.rdata);
  out.resize(writer.finish().size());
  return out;
}

struct NotifySender::State {
  struct News {
    Name zone;
    NotifyHintPtr hint;  // null: the zone is gone
  };
  struct Pending {  // what an answer is checked with
    Bytes mac;
    std::string problem;
  };

  State(std::vector<NotifyDestination> destinations, NotifyTimes times, const Clock& time, Rng& rng)
      : plan(std::move(destinations), times, rng), clock(time), pending(plan.destinations().size()) {}

  void run();
  void take_news();
  void send_due();
  void send(const NotifyPlan::Send& one);
  void receive(std::size_t destination);
  bool take_answer(std::size_t destination, ByteView answer);
  void tell(News one);

  NotifyPlan plan;  // the thread's own, like what follows
  const Clock& clock;
  std::vector<os::Fd> sockets;
  std::vector<std::unordered_map<std::uint16_t, Pending>> pending;
  os::Fd wake;
  std::mutex mutex;
  std::vector<News> news;
  bool stopping = false;
  std::thread thread;
};

void NotifySender::State::tell(News one) {
  {
    std::scoped_lock lock(mutex);
    if (stopping) return;
    news.push_back(std::move(one));
  }
  os::wake(wake);
}

void NotifySender::State::take_news() {
  std::vector<News> batch;
  {
    std::scoped_lock lock(mutex);
    batch.swap(news);
  }
  const auto now = clock.steady();
  for (auto& one : batch) {
    if (one.hint)
      plan.published(one.zone, std::move(one.hint), now);
    else
      plan.forget(one.zone);
  }
}

void NotifySender::State::send(const NotifyPlan::Send& one) {
  const auto& destination = plan.destinations()[one.destination];
  auto message = notify_message(one.id, one.zone, *one.hint);
  auto& entry = pending[one.destination][one.id];
  if (destination.key) {
    TsigSigner signer(destination.key);
    if (!signer.sign(message, clock.now())) return;
    entry.mac.assign(signer.mac().begin(), signer.mac().end());
  }
  // What the kernel does not take now is repeated like what is lost on the way.
  if (::send(sockets[one.destination].get(), message.data(), message.size(), MSG_NOSIGNAL) < 0)
    entry.problem = os::errno_text(errno);
  add(Metric::onoma_notifies_sent_total);
}

void NotifySender::State::send_due() {
  std::vector<NotifyPlan::GivenUp> given_up;
  for (const auto& one : plan.due(clock.steady(), given_up)) send(one);
  for (const auto& one : given_up) {
    auto& mine = pending[one.destination];
    const auto found = mine.find(one.id);
    log::warning("notify", fmt::format("{}: {} does not answer NOTIFY{}{}; given up until the next version",
                                       one.zone.text(), plan.destinations()[one.destination].to.text(),
                                       found != mine.end() && !found->second.problem.empty() ? ": " : "",
                                       found != mine.end() ? found->second.problem : std::string()));
    if (found != mine.end()) mine.erase(found);
    add(Metric::onoma_notifies_failed_total);
  }
}

// False: not an answer to anything.
bool NotifySender::State::take_answer(std::size_t index, ByteView answer) {
  const auto header = wire::Header::read(answer);
  if (!header || !header->qr() || header->opcode() != wire::Opcode::notify) return false;
  const auto* zone = plan.outstanding(index, header->id);
  if (zone == nullptr) return false;
  const auto& destination = plan.destinations()[index];
  auto& entry = pending[index][header->id];
  const auto message = wire::read_message(answer);
  if (!message || message->questions.size() > 1 ||
      (message->questions.size() == 1 && message->questions.front().name != *zone))
    return false;
  if (destination.key) {
    TsigVerifier verifier(destination.key, entry.mac);
    if (const auto checked = verifier.add(answer, clock.now()); !checked) {
      entry.problem = describe(checked.error());
      return false;
    }
  }
  if (const auto rcode = rcode_of(*message); rcode != wire::Rcode::noerror)
    log::warning("notify", fmt::format("{}: {} answers NOTIFY with {}", zone->text(), destination.to.text(),
                                       text_of(rcode)));
  pending[index].erase(header->id);
  plan.answered(index, header->id, clock.steady());
  return true;
}

void NotifySender::State::receive(std::size_t destination) {
  std::array<std::uint8_t, kAnswerOctets> buffer;
  for (int i = 0; i < kAnswersAtOnce; ++i) {
    const auto got = ::recv(sockets[destination].get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == ECONNREFUSED) continue;  // of an earlier packet; the error is taken off by asking
    if (got < 0) return;
    take_answer(destination, ByteView(buffer).first(static_cast<std::size_t>(got)));
  }
}

void NotifySender::State::run() {
  std::vector<pollfd> watched;
  watched.push_back({.fd = wake.get(), .events = POLLIN, .revents = 0});
  for (const auto& socket : sockets) watched.push_back({.fd = socket.get(), .events = POLLIN, .revents = 0});
  for (;;) {
    {
      std::scoped_lock lock(mutex);
      if (stopping) return;
    }
    take_news();
    send_due();
    int wait = -1;
    if (const auto next = plan.next_due()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - clock.steady()).count();
      wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, kLongestWaitMs));
    }
    if (::poll(watched.data(), watched.size(), wait) <= 0) continue;
    if (watched[0].revents != 0) os::clear_wake(wake);
    for (std::size_t i = 0; i < sockets.size(); ++i)
      if (watched[i + 1].revents != 0) receive(i);
  }
}

NotifySender::NotifySender(std::unique_ptr<State> state) : state_(std::move(state)) {}
NotifySender::~NotifySender() {
  stop();
}

Result<std::unique_ptr<NotifySender>> NotifySender::start(std::vector<NotifyDestination> destinations,
                                                          NotifyTimes times, const Clock& clock, Rng& rng) {
  if (destinations.size() > kDestinationsMax)
    return fail(Code::too_large, fmt::format("more than {} secondaries to notify", kDestinationsMax));
  auto state = std::make_unique<State>(std::move(destinations), times, clock, rng);
  for (const auto& destination : state->plan.destinations()) {
    ONOMA_TRY(auto socket, open_socket(destination));
    state->sockets.push_back(std::move(socket));
  }
  ONOMA_TRY(state->wake, os::make_wake_fd());
  state->thread =
      os::start_thread({.name = "notify", .cpu = -1, .nice = 0}, [raw = state.get()] { raw->run(); });
  return std::unique_ptr<NotifySender>(new NotifySender(std::move(state)));
}

void NotifySender::shown(const Name& zone, const zone::Snapshot& snapshot) {
  auto hint = std::make_shared<NotifyHint>();
  hint->serial = snapshot.facts().serial;
  const auto apex = snapshot.apex();
  if (const auto soa = apex.find(wire::RRType::SOA); soa && !soa->rdatas().empty()) {
    hint->ttl = soa->ttl();
    hint->rdata.assign(soa->rdatas().front().begin(), soa->rdatas().front().end());
  }
  state_->tell({.zone = zone, .hint = std::move(hint)});
}

void NotifySender::removed(const Name& zone) {
  state_->tell({.zone = zone, .hint = nullptr});
}

void NotifySender::stop() {
  {
    std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
  }
  os::wake(state_->wake);
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace onoma::transfer
