#include "front/dns/dns_server.h"

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"
#include "front/dns/dispatch.h"
#include "os/datagram_worker.h"
#include "os/stream_server.h"
#include "serve/answer.h"
#include "serve/stats_keeper.h"

namespace onoma::front {

namespace {

// A free port must be free for TCP and for UDP: so many pairs are tried.
constexpr int kPortTries = 20;

// What a worker notes of its packets, where that is wanted: statistics and dnstap. Belongs to one handler.
class Notes {
 public:
  explicit Notes(serve::Statistics* statistics)
      : recorder_(statistics != nullptr ? &statistics->add_recorder() : nullptr) {}
  // Before the server starts; nullptr: nothing is tapped.
  void tap_with(DnstapTap* tap) { tap_ = tap; }
  serve::StatsRecorder* recorder() const { return recorder_; }

  void begin(std::size_t packets) noexcept {
    if (recorder_ != nullptr) {
      recorder_->begin(packets);
      began_ = std::chrono::steady_clock::now();
    }
    if (tap_ != nullptr) received_ = clock_.now();
  }
  void end() noexcept {
    if (recorder_ == nullptr) return;
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - began_;
    recorder_->end(static_cast<std::uint64_t>(took.count()));
  }
  void idle() noexcept {
    if (recorder_ != nullptr) recorder_->idle();
  }
  void tap(const serve::Request& request, ByteView answer) noexcept {
    if (tap_ == nullptr || !tap_->wants()) return;
    tap_->tap({.transport = request.udp         ? serve::Transport::udp
                            : request.encrypted ? serve::Transport::tls
                                                : serve::Transport::tcp,
               .peer = request.peer,
               .peer_port = request.peer_port,
               .received = received_,
               .sent = clock_.now(),
               .query = request.packet,
               .answer = answer});
  }

 private:
  serve::StatsRecorder* recorder_;
  DnstapTap* tap_ = nullptr;
  SystemClock clock_;
  Time received_;
  std::chrono::steady_clock::time_point began_;
};

serve::ServeOptions udp_options(const DnsOptions& options) {
  auto out = options.serve;
  out.limit.workers = static_cast<std::uint32_t>(std::max<std::size_t>(1, options.workers));
  return out;
}

// Answers over streams are not limited.
serve::ServeOptions tcp_options(const DnsOptions& options) {
  auto out = options.serve;
  out.limit.mode = serve::LimitMode::off;
  return out;
}

class UdpHandler final : public os::DatagramHandler {
 public:
  UdpHandler(serve::ZoneTable& zones, const DnsOptions& options)
      : answerer_(zones, udp_options(options)),
        notes_(options.statistics),
        dispatch_(options.transfer, [this](const serve::Request& request, serve::Reply& reply) {
          notes_.begin(1);
          answerer_.answer({&request, 1}, {&reply, 1});
          notes_.end();
        }) {
    answerer_.note_with(notes_.recorder());
  }

  void handle(std::span<const os::Datagram> in, os::ReplyArena& out) noexcept override {
    std::size_t count = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (dispatch_.concerns(in[i].payload)) continue;
      requests_[count] = {.packet = in[i].payload,
                          .udp = true,
                          .peer = in[i].peer->address_bytes(),
                          .peer_port = in[i].peer->port()};
      replies_[count] = {.buffer = out.slot(i), .size = 0};
      places_[count++] = static_cast<std::uint8_t>(i);
    }
    if (count > 0) {
      notes_.begin(count);
      answerer_.answer(std::span(requests_).first(count), std::span(replies_).first(count));
      for (std::size_t i = 0; i < count; ++i) {
        out.reply(places_[i], replies_[i].size);
        notes_.tap(requests_[i], ByteView(replies_[i].buffer).first(replies_[i].size));
      }
      notes_.end();
    }
    if (count == in.size()) return;
    for (std::size_t i = 0; i < in.size(); ++i)
      if (dispatch_.concerns(in[i].payload))
        out.reply(i, dispatch_.datagram(in[i].payload, *in[i].peer, out.slot(i)));
  }
  void idle() noexcept override {
    answerer_.release();
    notes_.idle();
  }
  Notes& notes() { return notes_; }
  const serve::Limiter* limiter() const { return answerer_.limiter(); }

 private:
  serve::Answerer answerer_;
  Notes notes_;
  Dispatch dispatch_;
  std::array<std::uint8_t, os::kDatagramBatchMax> places_;  // of the requests in their batch
  std::array<serve::Request, os::kDatagramBatchMax> requests_;
  std::array<serve::Reply, os::kDatagramBatchMax> replies_;
};

class TcpHandler final : public os::StreamHandler {
 public:
  TcpHandler(serve::ZoneTable& zones, const DnsOptions& options)
      : answerer_(zones, tcp_options(options)),
        notes_(options.statistics),
        dispatch_(options.transfer,
                  [this](const serve::Request& request, serve::Reply& reply) {
                    notes_.begin(1);
                    answerer_.answer({&request, 1}, {&reply, 1});
                    notes_.end();
                  }),
        buffer_(os::kStreamMessageMax) {
    answerer_.note_with(notes_.recorder());
  }

  void handle(ByteView message, const os::Endpoint& peer, os::StreamReply& reply) noexcept override {
    if (dispatch_.concerns(message))
      return dispatch_.stream(message, peer, transfer::Transport::tcp, buffer_, reply);
    const serve::Request request{
        .packet = message, .udp = false, .peer = peer.address_bytes(), .peer_port = peer.port()};
    serve::Reply answer{.buffer = buffer_, .size = 0};
    notes_.begin(1);
    answerer_.answer({&request, 1}, {&answer, 1});
    notes_.tap(request, ByteView(buffer_).first(answer.size));
    notes_.end();
    if (answer.size == 0) return reply.close();  // what deserves no answer deserves no connection
    reply.send(ByteView(buffer_).first(answer.size));
  }
  void idle() noexcept override {
    answerer_.release();
    notes_.idle();
    set(Metric::onoma_dns_tcp_connections_total, server_->counters().accepted);
  }
  // Before the server starts.
  void belongs_to(const os::StreamServer& server) { server_ = &server; }
  Notes& notes() { return notes_; }

 private:
  serve::Answerer answerer_;
  Notes notes_;
  Dispatch dispatch_;
  Bytes buffer_;
  const os::StreamServer* server_ = nullptr;
};

// What clients are told (RFC 7828) is what they get, and a little more: a query that leaves at the last
// moment must not meet a closed door.
constexpr std::chrono::milliseconds kIdleGrace{500};

os::StreamOptions stream_options(const DnsOptions& options) {
  return {.listen = options.listen,
          .idle = std::chrono::milliseconds{100} * options.serve.tcp_keepalive + kIdleGrace,
          .lifetime = options.tcp_lifetime,
          .messages_max = options.tcp_messages,
          .connections_max = options.tcp_connections,
          .quota = options.tcp_quota,
          .proxy_from = options.proxy_from};
}

std::vector<int> cpus_of(const DnsOptions& options) {
  std::vector<int> cpus;
  for (std::size_t i = 0; options.pin && i < options.workers; ++i) cpus.push_back(static_cast<int>(i));
  return cpus;
}

template <class Handler, class Base>
std::vector<Base*> pointers(const std::vector<std::unique_ptr<Handler>>& handlers) {
  std::vector<Base*> out;
  out.reserve(handlers.size());
  for (const auto& handler : handlers) out.push_back(handler.get());
  return out;
}

}  // namespace

struct DnsServer::State {
  std::unique_ptr<Dnstap> dnstap;  // ends after the workers
  std::vector<std::unique_ptr<UdpHandler>> udp_handlers;
  std::vector<std::unique_ptr<TcpHandler>> tcp_handlers;
  std::unique_ptr<os::StreamServer> tcp;
  std::vector<std::unique_ptr<os::DatagramWorker>> udp;
  std::vector<std::unique_ptr<UdpHandler>> xdp_handlers;
  std::vector<std::unique_ptr<os::XdpServer>> xdp;

  void open_xdp(const DnsOptions& options, serve::ZoneTable& zones);
  Result<void> open_dnstap(const DnsOptions& options);
  Result<void> bind(const DnsOptions& options);
};

Result<void> DnsServer::State::bind(const DnsOptions& options) {
  ONOMA_TRY(tcp, os::StreamServer::open(stream_options(options),
                                        pointers<TcpHandler, os::StreamHandler>(tcp_handlers)));
  auto workers =
      os::open_datagram_workers({.listen = tcp->bound(), .proxy_from = options.proxy_from},
                                pointers<UdpHandler, os::DatagramHandler>(udp_handlers), cpus_of(options));
  if (!workers) {
    tcp.reset();
    return std::unexpected(workers.error());
  }
  udp = std::move(*workers);
  return {};
}

void DnsServer::State::open_xdp(const DnsOptions& options, serve::ZoneTable& zones) {
  for (const auto& place : options.xdp) {
    auto opened = os::XdpServer::open(
        {.place = place, .listen = tcp->bound(), .proxy_from = options.proxy_from, .cpus = cpus_of(options)},
        [&]() -> os::DatagramHandler& {
          xdp_handlers.push_back(std::make_unique<UdpHandler>(zones, options));
          return *xdp_handlers.back();
        });
    if (opened) {
      log::info("xdp", fmt::format("AF_XDP takes requests from {}", (*opened)->text()));
      xdp.push_back(std::move(*opened));
    } else {
      log::warning("xdp", fmt::format("{}: no AF_XDP: {}; UDP sockets answer everything", place.interface,
                                      opened.error().message));
    }
  }
}

Result<void> DnsServer::State::open_dnstap(const DnsOptions& options) {
  if (!options.dnstap) return {};
  std::vector<Notes*> all;
  all.reserve(udp_handlers.size() + tcp_handlers.size() + xdp_handlers.size());
  for (const auto& handler : udp_handlers) all.push_back(&handler->notes());
  for (const auto& handler : tcp_handlers) all.push_back(&handler->notes());
  for (const auto& handler : xdp_handlers) all.push_back(&handler->notes());
  SystemRng rng;
  ONOMA_TRY(dnstap, Dnstap::open(*options.dnstap, all.size(), rng));
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->tap_with(&dnstap->tap(i));
  return {};
}

DnsServer::DnsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
DnsServer::~DnsServer() {
  stop();
}

Result<std::unique_ptr<DnsServer>> DnsServer::open(const DnsOptions& options, serve::ZoneTable& zones) {
  auto state = std::make_unique<State>();
  for (std::size_t i = 0; i < options.workers; ++i) {
    state->udp_handlers.push_back(std::make_unique<UdpHandler>(zones, options));
    state->tcp_handlers.push_back(std::make_unique<TcpHandler>(zones, options));
  }
  bool any_port_free = false;
  for (const auto& endpoint : options.listen) any_port_free |= endpoint.port() == 0;
  auto bound = state->bind(options);
  for (int i = 1; !bound && any_port_free && i < kPortTries; ++i) bound = state->bind(options);
  if (!bound) return std::unexpected(bound.error());
  state->open_xdp(options, zones);
  ONOMA_TRY_VOID(state->open_dnstap(options));
  return std::unique_ptr<DnsServer>(new DnsServer(std::move(state)));
}

void DnsServer::start() {
  for (const auto& handler : state_->tcp_handlers) handler->belongs_to(*state_->tcp);
  state_->tcp->start();
  for (const auto& worker : state_->udp) worker->start();
  for (const auto& server : state_->xdp) server->start();
}

void DnsServer::drain(std::chrono::milliseconds grace) {
  constexpr std::chrono::milliseconds kLook{20};
  for (const auto& server : state_->xdp) server->stop();
  for (const auto& worker : state_->udp) worker->stop();
  state_->tcp->drain();
  // Two looks without a connection: one that was accepted at the last moment is counted by then.
  int quiet = 0;
  for (auto waited = std::chrono::milliseconds{0}; waited < grace && quiet < 2; waited += kLook) {
    std::this_thread::sleep_for(kLook);
    quiet = state_->tcp->counters().open == 0 ? quiet + 1 : 0;
  }
  stop();
}

void DnsServer::stop() {
  for (const auto& server : state_->xdp) server->stop();
  for (const auto& worker : state_->udp) worker->stop();
  if (state_->tcp) state_->tcp->stop();
}

const std::vector<os::Endpoint>& DnsServer::bound() const {
  return state_->tcp->bound();
}

DnsCounters DnsServer::counters() const {
  DnsCounters out;
  for (const auto& worker : state_->udp) {
    const auto counts = worker->counters();
    out.udp_received += counts.received;
    out.udp_replied += counts.replied;
    out.udp_failed += counts.send_failed;
    out.udp_malformed += counts.malformed;
  }
  for (const auto& server : state_->xdp) {
    const auto counts = server->counters();
    out.xdp_received += counts.received;
    out.xdp_replied += counts.replied;
    out.udp_received += counts.received;
    out.udp_replied += counts.replied;
    out.udp_failed += counts.send_failed;
    out.udp_malformed += counts.malformed;
  }
  const auto streams = state_->tcp->counters();
  out.tcp_accepted = streams.accepted;
  out.tcp_messages = streams.messages;
  out.tcp_open = streams.open;
  out.tcp_refused = streams.refused + streams.limited;
  out.tcp_expired = streams.expired + streams.ended + streams.pressed + streams.malformed;
  return out;
}

std::vector<const serve::Limiter*> DnsServer::limiters() const {
  std::vector<const serve::Limiter*> out;
  for (const auto* handlers : {&state_->udp_handlers, &state_->xdp_handlers})
    for (const auto& handler : *handlers)
      if (handler->limiter()) out.push_back(handler->limiter());
  return out;
}

}  // namespace onoma::front
