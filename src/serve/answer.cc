#include "serve/answer.h"

#include <algorithm>

#include "base/check.h"
#include "base/metrics.h"
#include "serve/compose.h"
#include "serve/edns.h"
#include "serve/limiter.h"
#include "serve/outcome.h"
#include "serve/quick.h"
#include "serve/resolve.h"
#include "serve/stats_recorder.h"
#include "wire/message.h"
#include "wire/rdata.h"

namespace onoma::serve {

namespace {

using wire::Rcode;
using wire::RRClass;
using wire::RRType;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kOptOctets = 11;      // an OPT record without options
constexpr std::size_t kPaddingBlock = 468;  // RFC 8467 §4.1
constexpr std::size_t kMostEdeText = 64;
constexpr std::uint16_t kFlagQr = 0x8000, kFlagAa = 0x0400, kFlagTc = 0x0200, kFlagRd = 0x0100,
                        kFlagCd = 0x0010;
constexpr RRType kNxname{128};

// How a request is answered.
enum class Kind : std::uint8_t {
  drop,
  bare,   // header (and OPT), nothing else
  plain,  // question and OPT, no records
  chaos,
  zone,
};

struct Job {
  Kind kind = Kind::drop;
  Rcode rcode = Rcode::noerror;
  Ede ede = Ede::none;
  bool with_opt = false;
  bool cookie_valid = false;
  EdnsWishes wishes;
  wire::Query query;
  const zone::Snapshot* zone = nullptr;
  zone::LookupKey key;
  zone::Quick quick;
};

bool same_text(wire::NameView name, std::string_view wire_form) {
  return as_text(name.wire()) == wire_form;
}

}  // namespace

ServeCounts& ServeCounts::operator+=(const ServeCounts& more) {
  queries += more.queries;
  dropped += more.dropped;
  truncated += more.truncated;
  for (std::size_t i = 0; i < by_rcode.size(); ++i) by_rcode[i] += more.by_rcode[i];
  return *this;
}

struct Answerer::State {
  State(ZoneTable& zones, const ServeOptions& wanted) : options(wanted), reader(zones) {
    CHECK(options.udp_limit >= 512 && options.udp_limit <= 4096);
    CHECK(options.nsid.size() <= 128);
    CHECK(!options.cookies.sign || options.clock);
    if (options.limit.mode == LimitMode::off) return;
    CHECK(options.clock);
    SystemRng rng;
    limiter = std::make_unique<Limiter>(options.limit, rng);
  }

  // One writer, any number of readers.
  struct alignas(64) Counters {
    std::atomic<std::uint64_t> queries{0}, dropped{0}, truncated{0};
    std::array<std::atomic<std::uint64_t>, 24> by_rcode{};
  };
  static void count(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  ServeCounts counts() const {
    ServeCounts sum;
    sum.queries = counters.queries.load(std::memory_order_relaxed);
    sum.dropped = counters.dropped.load(std::memory_order_relaxed);
    sum.truncated = counters.truncated.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < sum.by_rcode.size(); ++i)
      sum.by_rcode[i] = counters.by_rcode[i].load(std::memory_order_relaxed);
    return sum;
  }

  // The steps of a batch.
  void parse(const Request& request, Job& job);
  void judge(const Request& request, Job& job);
  bool shed(const Request& request, Job& job);
  static void decide(const Request& request, Job& job);
  void look_up(const Job& job);
  LimitAction limit(const Request& request, const Job& job);
  void note(const Request& request, const Job& job, const Reply& reply);
  void choose_zone(Job& job);
  void write(const Request& request, Job& job, Reply& reply);
  bool write_quickly(const Request& request, const Job& job, std::size_t limit, Reply& reply);
  void write_zone(wire::Writer& writer, Job& job);
  std::size_t reply_limit(const Request& request, const Job& job, const Reply& reply) const;

  void write_chaos(wire::Writer& writer, Job& job);
  void add_options(const Request& request, const Job& job);
  void finish(const Request& request, const Job& job, wire::Writer& writer, std::size_t limit);
  std::uint16_t reply_flags(const wire::Header& header) const;

  ServeOptions options;
  ZoneTable::Reader reader;
  Counters counters;
  ServeCounts reported;
  std::uint32_t now = 0;  // Unix time of the batch, for cookies
  Plan plan;
  OptionList option_list;
  zone::LookupKey key;
  zone::NodeScratch scratch;
  Outcome outcome;  // of the question at hand
  std::unique_ptr<Limiter> limiter;
  StatsRecorder* recorder = nullptr;
  std::array<Job, kBatch> jobs;
};

Answerer::Answerer(ZoneTable& zones, const ServeOptions& options)
    : state_(std::make_unique<State>(zones, options)) {}
Answerer::~Answerer() = default;

void Answerer::answer(std::span<const Request> in, std::span<Reply> out) noexcept {
  CHECK(out.size() >= in.size());
  auto& state = *state_;
  state.reader.enter();
  if (state.options.cookies.sign)
    state.now = static_cast<std::uint32_t>(unix_seconds(state.options.clock->now()));
  if (state.limiter) state.limiter->tick(state.options.clock->steady());
  for (std::size_t begin = 0; begin < in.size(); begin += kBatch) {
    const auto n = std::min(kBatch, in.size() - begin);
    for (std::size_t i = 0; i < n; ++i) state.parse(in[begin + i], state.jobs[i]);
    // Memory is asked for all first, then used for all: the misses of a batch overlap.
    for (std::size_t i = 0; i < n; ++i)
      if (state.jobs[i].kind == Kind::zone) state.choose_zone(state.jobs[i]);
    for (std::size_t i = 0; i < n; ++i)
      if (state.jobs[i].kind == Kind::zone) state.jobs[i].zone->prefetch(state.jobs[i].key);
    for (std::size_t i = 0; i < n; ++i)
      if (state.jobs[i].kind == Kind::zone) state.decide(in[begin + i], state.jobs[i]);
    for (std::size_t i = 0; i < n; ++i)
      if (state.jobs[i].kind == Kind::zone && state.jobs[i].quick.has_proof)
        state.jobs[i].zone->prefetch_proof(state.jobs[i].quick);
    for (std::size_t i = 0; i < n; ++i) {
      state.write(in[begin + i], state.jobs[i], out[begin + i]);
      if (state.recorder) state.note(in[begin + i], state.jobs[i], out[begin + i]);
    }
  }
}

void Answerer::release() noexcept {
  auto& state = *state_;
  state.reader.leave();
  state.outcome.found = {};
  const auto counts = state.counts();
  add(Metric::onoma_dns_queries_total, counts.queries - state.reported.queries);
  add(Metric::onoma_dns_dropped_total, counts.dropped - state.reported.dropped);
  add(Metric::onoma_dns_truncated_total, counts.truncated - state.reported.truncated);
  state.reported = counts;
}

void Answerer::note_with(StatsRecorder* recorder) noexcept {
  state_->recorder = recorder;
}

const Limiter* Answerer::limiter() const {
  return state_->limiter.get();
}

ServeCounts Answerer::counts() const {
  return state_->counts();
}

void Answerer::State::parse(const Request& request, Job& job) {
  count(counters.queries);
  job.kind = Kind::drop;
  job.rcode = Rcode::noerror;
  job.ede = Ede::none;
  job.with_opt = job.cookie_valid = false;
  job.wishes = {};
  job.zone = nullptr;
  const auto error = wire::read_query(request.packet, job.query);
  if (error == wire::WireError::bad_header || request.peer_port == 0) return;
  const auto& edns = job.query.edns;
  job.kind = Kind::bare;
  if (job.query.header.opcode() != wire::Opcode::query) {
    job.rcode = Rcode::notimp;
    job.ede = Ede::not_supported;
    job.with_opt = !error && edns;
    return;
  }
  if (edns) job.wishes = read_wishes(edns->options, !request.udp);
  if (limiter && request.udp && shed(request, job)) {
    job.kind = Kind::drop;
    return;
  }
  if (error) {
    job.rcode = Rcode::formerr;
    // No question but a cookie: the client wants nothing but a server cookie (RFC 7873 §5.4).
    if (error == wire::WireError::bad_question && job.query.header.qdcount == 0 && edns &&
        edns->version == 0) {
      job.with_opt = true;
      if (options.cookies.sign && job.wishes.has_cookie && !job.wishes.malformed) job.rcode = Rcode::noerror;
    }
    return;
  }
  job.with_opt = edns.has_value();
  judge(request, job);
}

// Sources of which nearly everything is withheld are not read any further, cookie holders aside.
bool Answerer::State::shed(const Request& request, Job& job) {
  job.cookie_valid = options.cookies.sign && job.wishes.has_cookie && job.wishes.cookie.size() > 8 &&
                     cookie_size_valid(job.wishes.cookie.size()) &&
                     answer_cookie(options.cookies, job.wishes.cookie, request.peer, now).valid;
  return !job.cookie_valid && limiter->early_drop(request.peer);
}

// A well-formed question: is it one that a zone answers?
void Answerer::State::judge(const Request& request, Job& job) {
  const auto refuse = [&job](Rcode rcode, Ede ede = Ede::none) {
    job.rcode = rcode;
    job.ede = ede;
  };
  const auto& query = job.query;
  job.kind = Kind::plain;
  if (query.edns && query.edns->version > 0) return refuse(Rcode::badvers);
  if (job.wishes.malformed) return refuse(Rcode::formerr);
  if (query.qclass == RRClass::ANY || query.qclass == RRClass::NONE) return refuse(Rcode::formerr);
  const auto type = query.qtype;
  if (type == RRType{0} || type == RRType::OPT || type == RRType::TKEY || type == RRType::TSIG)
    return refuse(Rcode::formerr);
  if (type == kNxname) return refuse(Rcode::formerr, Ede::invalid_query_type);  // RFC 9824 §3.5
  if (type == RRType::MAILB || type == RRType::MAILA) return refuse(Rcode::notimp);
  if (type == RRType::AXFR || type == RRType::IXFR) {
    if (request.udp) return refuse(Rcode::notimp, Ede::not_supported);
    return refuse(Rcode::refused, Ede::prohibited);
  }
  if (query.qclass == RRClass::CH) {
    job.kind = Kind::chaos;
    return;
  }
  if (query.qclass != RRClass::IN) return refuse(Rcode::refused);
  job.kind = Kind::zone;
}

void Answerer::State::choose_zone(Job& job) {
  const auto name = job.query.qname();
  // DS belongs to the parent's side of a cut (RFC 4035 §3.1.4.1); without the parent here the child answers.
  const ZoneState* state = nullptr;
  zone::LookupKey::make(name, job.key);
  if (job.query.qtype == RRType::DS && !name.is_root())
    state = reader.find(name.parent(), job.key, job.key.labels - 1U);
  if (!state) state = reader.find(name, job.key, job.key.labels);
  job.kind = Kind::plain;
  if (!state) {
    job.rcode = Rcode::refused;
    job.ede = Ede::not_authoritative;
  } else if (state->status != ZoneStatus::loaded) {
    job.rcode = Rcode::servfail;
    job.ede = state->status == ZoneStatus::expired ? Ede::invalid_data : Ede::not_ready;
  } else {
    job.kind = Kind::zone;
    job.zone = state->snapshot.get();
    job.zone->prepare(job.key);
  }
}

std::uint16_t Answerer::State::reply_flags(const wire::Header& header) const {
  auto flags = static_cast<std::uint16_t>(kFlagQr | (header.flags & 0x7800));
  if (header.opcode() == wire::Opcode::query) {
    flags = static_cast<std::uint16_t>(flags | (header.flags & kFlagRd));
    if (options.echo_cd) flags = static_cast<std::uint16_t>(flags | (header.flags & kFlagCd));
  }
  return flags;
}

std::size_t Answerer::State::reply_limit(const Request& request, const Job& job, const Reply& reply) const {
  if (!request.udp) return std::min<std::size_t>(65535, reply.buffer.size());
  const std::size_t client = job.query.edns ? job.query.edns->udp_size : 512;
  const auto wanted = std::min<std::size_t>(std::max<std::size_t>(512, client), options.udp_limit);
  return std::min(wanted, reply.buffer.size());
}

void Answerer::State::write(const Request& request, Job& job, Reply& reply) {
  reply.size = 0;
  if (job.kind == Kind::drop || reply.buffer.size() < 512) return count(counters.dropped);
  if (job.kind == Kind::zone) look_up(job);
  bool withheld = false;
  if (limiter && request.udp) {
    const auto action = limit(request, job);
    if (action == LimitAction::drop) return count(counters.dropped);
    if (action == LimitAction::truncate) {
      withheld = true;
      if (job.kind != Kind::bare) job.kind = Kind::plain;
      job.rcode = Rcode::noerror;
      job.ede = Ede::none;
    }
  }
  const auto limit = reply_limit(request, job, reply);
  option_list.clear();
  if (job.with_opt) add_options(request, job);
  if (job.kind == Kind::zone && outcome.is_quick() && write_quickly(request, job, limit, reply)) {
    job.rcode = outcome.quick.kind == zone::Quick::Kind::missing ? Rcode::nxdomain : Rcode::noerror;
    return count(counters.by_rcode[static_cast<std::size_t>(job.rcode)]);
  }

  wire::Writer writer(reply.buffer, limit);
  writer.set_header(job.query.header.id, reply_flags(job.query.header));
  if (withheld) writer.or_flags(kFlagTc);
  if (job.with_opt) writer.reserve(kOptOctets + option_list.size());
  if (job.kind != Kind::bare) writer.add_question(job.query.qname(), job.query.qtype, job.query.qclass);
  if (job.kind == Kind::chaos) write_chaos(writer, job);
  if (job.kind == Kind::zone) write_zone(writer, job);
  finish(request, job, writer, limit);
  reply.size = writer.finish().size();
  count(counters.by_rcode[std::min<std::size_t>(static_cast<std::size_t>(job.rcode),
                                                counters.by_rcode.size() - 1)]);
}

void Answerer::State::decide(const Request& request, Job& job) {
  const bool plain = job.query.qtype != RRType::DS && !(job.wishes.padding && request.encrypted);
  job.quick = plain ? job.zone->quick(job.key) : zone::Quick{};
  if (job.query.edns && job.query.edns->dnssec_ok) job.zone->prepare_proof(job.quick, job.query.qname());
}

void Answerer::State::look_up(const Job& job) {
  outcome.quick = job.quick;
  scratch.reset();
  if (outcome.is_quick()) return;
  outcome.found = job.zone->find(job.key, &scratch);
}

LimitAction Answerer::State::limit(const Request& request, const Job& job) {
  LimitQuestion question{.peer = request.peer, .cookie_valid = job.cookie_valid, .name = {}, .encloser = {}};
  if (job.kind == Kind::zone) {
    question.what = outcome.response_class(job.query);
    question.name = as_bytes(job.key.view());
    question.encloser =
        as_bytes(job.key.ancestor(std::min<std::size_t>(outcome.encloser_labels(), job.key.labels)));
  }
  return limiter->judge(question);
}

void Answerer::State::note(const Request& request, const Job& job, const Reply& reply) {
  const auto& query = job.query;
  const bool readable = job.kind == Kind::plain || job.kind == Kind::chaos || job.kind == Kind::zone;
  const auto octets_of = [&](std::size_t labels) {
    return static_cast<std::uint8_t>(query.qname().ancestor(labels).size());
  };
  recorder->record(
      {.peer = request.peer,
       .qname = readable ? query.qname().wire() : ByteView{},
       .zone_octets = static_cast<std::uint8_t>(job.zone ? job.zone->facts().apex.size() : 0),
       .encloser_octets = job.kind == Kind::zone ? octets_of(outcome.encloser_labels()) : std::uint8_t{0},
       .transport = request.udp         ? Transport::udp
                    : request.encrypted ? Transport::tls
                                        : Transport::tcp,
       .edns = query.edns.has_value(),
       .dnssec_ok = query.edns && query.edns->dnssec_ok,
       .truncated = reply.size > 2 && (reply.buffer[2] & 2) != 0,
       .opcode = static_cast<std::uint8_t>(query.header.opcode()),
       .qtype = wire::number(query.qtype),
       .rcode = static_cast<std::uint16_t>(job.rcode),
       .request_octets = static_cast<std::uint32_t>(request.packet.size()),
       .reply_octets = static_cast<std::uint32_t>(reply.size)});
}

// False when it is to be made the long way after all.
bool Answerer::State::write_quickly(const Request& request, const Job& job, std::size_t limit, Reply& reply) {
  const bool dnssec = job.query.edns && job.query.edns->dnssec_ok;
  const QuickParts parts{reply_flags(job.query.header), job.with_opt, dnssec, options.udp_limit,
                         option_list.view()};
  reply.size =
      write_quick(request.packet, job.query, *job.zone, outcome.quick, parts, scratch, reply.buffer, limit);
  return reply.size > 0;
}

void Answerer::State::write_zone(wire::Writer& writer, Job& job) {
  const bool dnssec = job.query.edns && job.query.edns->dnssec_ok;
  if (outcome.is_quick()) {
    scratch.reset();
    outcome.found = job.zone->find(job.key, &scratch);
  }
  resolve(*job.zone, {job.query.qname(), job.query.qtype, dnssec}, outcome.found, plan, scratch);
  job.rcode = plan.rcode;
  job.ede = plan.ede;
  if (plan.authoritative) writer.or_flags(kFlagAa);
  if (compose(writer, *job.zone, plan, dnssec, key, scratch).truncated) {
    writer.or_flags(kFlagTc);
    count(counters.truncated);
  }
}

// Options whose size is known before the records are written.
void Answerer::State::add_options(const Request& request, const Job& job) {
  const auto& wishes = job.wishes;
  if (job.rcode == Rcode::badvers) return;
  if (wishes.nsid && !options.nsid.empty()) option_list.add(OptionCode::nsid, as_bytes(options.nsid));
  if (wishes.has_cookie && options.cookies.sign && cookie_size_valid(wishes.cookie.size()))
    option_list.add(OptionCode::cookie,
                    answer_cookie(options.cookies, wishes.cookie, request.peer, now).cookie);
  if (wishes.keepalive) {
    std::array<std::uint8_t, 2> idle;
    store_u16(idle.data(), options.tcp_keepalive);
    option_list.add(OptionCode::keepalive, idle);
  }
  if (job.kind != Kind::zone) return;
  if (wishes.expire && job.query.qtype == RRType::SOA) {
    const auto soa_set = job.zone->apex().find(RRType::SOA);
    const auto soa = soa_set->rdatas().front();
    option_list.add(OptionCode::expire, soa.subspan(soa.size() - 8, 4));
  }
  if (wishes.zoneversion) {
    std::array<std::uint8_t, 6> version;
    version[0] = static_cast<std::uint8_t>(job.zone->facts().apex.label_count());
    version[1] = 0;  // the SOA's serial
    store_u32(&version[2], job.zone->facts().serial);
    option_list.add(OptionCode::zoneversion, version);
  }
}

// CH TXT of the server itself; names in wire form, in lower case.
void Answerer::State::write_chaos(wire::Writer& writer, Job& job) {
  using namespace std::string_view_literals;
  std::array<std::uint8_t, wire::kMaxNameOctets> lower;
  const auto qname = job.query.qname().wire();
  std::transform(qname.begin(), qname.end(), lower.begin(), wire::ascii_lower);
  const auto name = wire::NameView::trusted(ByteView(lower).first(qname.size()));
  const std::optional<std::string>* text = nullptr;
  if (same_text(name, "\2id\6server\0"sv) || same_text(name, "\10hostname\4bind\0"sv))
    text = &options.identity;
  if (same_text(name, "\7version\4bind\0"sv) || same_text(name, "\7version\6server\0"sv))
    text = &options.version;
  const bool asked = job.query.qtype == RRType::TXT || job.query.qtype == RRType::ANY;
  if (!text || !*text || !asked) {
    job.rcode = Rcode::refused;
    return;
  }
  std::array<std::uint8_t, 256> data;
  const auto size = std::min<std::size_t>((*text)->size(), 255);
  data[0] = static_cast<std::uint8_t>(size);
  std::copy_n((*text)->begin(), size, data.begin() + 1);
  writer.or_flags(kFlagAa);
  writer.add_record(wire::Writer::Section::answer, job.query.qname(), RRType::TXT, RRClass::CH, 0,
                    ByteView(data).first(size + 1));
}

void Answerer::State::finish(const Request& request, const Job& job, wire::Writer& writer,
                             std::size_t limit) {
  writer.set_rcode(job.rcode);
  if (!job.with_opt) return;
  const auto reserved = kOptOctets + option_list.size();
  // What comes last and only if there is room: it never costs a record its place.
  if (job.ede != Ede::none) {
    std::array<std::uint8_t, 2> code;
    store_u16(code.data(), static_cast<std::uint16_t>(job.ede));
    const auto text = job.kind == Kind::zone ? plan.ede_text.substr(0, kMostEdeText) : std::string_view{};
    if (writer.left() >= 6 + text.size()) option_list.add(OptionCode::ede, code, as_bytes(text));
  }
  if (job.wishes.padding && request.encrypted) {
    const auto bare = writer.size() + kOptOctets + option_list.size() + 4;
    const auto padded = std::min((bare + kPaddingBlock - 1) / kPaddingBlock * kPaddingBlock, limit);
    if (padded >= bare) option_list.add_zeros(OptionCode::padding, padded - bare);
  }
  writer.release(reserved);
  const bool dnssec = job.query.edns && job.query.edns->dnssec_ok;
  writer.add_opt(options.udp_limit, dnssec, job.rcode, option_list.view());
}

}  // namespace onoma::serve
