#include "serve/limiter.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "serve/limit_flood.h"
#include "serve/limit_hash.h"
#include "serve/limit_peers.h"
#include "serve/limit_rate.h"
#include "serve/limit_shed.h"

namespace onoma::serve {

namespace {

// One writer, any number of readers.
using Counter = std::atomic<std::uint64_t>;
void count(Counter& counter, std::uint64_t by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

// Exactly one of each `n` withheld answers slips, at a place in the group that nobody outside can foresee.
class Slip {
 public:
  explicit Slip(std::uint32_t n) : n_(n) {}
  bool next(LimitRandom& random) {
    if (n_ <= 1) return n_ == 1;
    if (at_ == 0) chosen_ = static_cast<std::uint32_t>((random.next() >> 32) * n_ >> 32);
    const bool slips = at_ == chosen_;
    at_ = at_ + 1 == n_ ? 0 : at_ + 1;
    return slips;
  }

 private:
  std::uint32_t n_, at_ = 0, chosen_ = 0;
};

// A FloodReport that its worker overwrites while others read: readers try again when `version` was odd or has
// changed. size 0: none.
class SharedReport {
 public:
  bool used() const { return used_; }
  void begin(ByteView encloser) {
    used_ = true;
    report_ = {};
    report_.size = static_cast<std::uint16_t>(std::min(encloser.size(), report_.encloser.size()));
    std::copy_n(encloser.begin(), report_.size, report_.encloser.begin());
    publish();
  }
  void update(std::uint32_t names_per_s, std::uint64_t withheld) {
    report_.names_per_s = names_per_s;
    report_.withheld = withheld;
    publish();
  }
  void end() {
    used_ = false;
    publish();
  }
  bool read(FloodReport& out) const {
    for (;;) {
      const auto before = version_.load(std::memory_order_acquire);
      if (before % 2 != 0) continue;
      const auto state = words_[kWords].load(std::memory_order_relaxed);
      std::array<std::uint64_t, kWords> words{};
      for (std::size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_relaxed);
      const auto withheld = words_[kWords + 1].load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (version_.load(std::memory_order_relaxed) != before) continue;
      std::memcpy(out.encloser.data(), words.data(), out.encloser.size());
      out.size = static_cast<std::uint16_t>(state >> 32 & 0xFFFF);
      out.names_per_s = static_cast<std::uint32_t>(state);
      out.withheld = withheld;
      return state >> 63 != 0;
    }
  }

 private:
  static constexpr std::size_t kWords = 64;

  void publish() {
    const auto version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    std::array<std::uint64_t, kWords> words{};
    std::memcpy(words.data(), report_.encloser.data(), report_.encloser.size());
    for (std::size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_relaxed);
    words_[kWords].store(std::uint64_t{used_} << 63 | std::uint64_t{report_.size} << 32 | report_.names_per_s,
                         std::memory_order_relaxed);
    words_[kWords + 1].store(report_.withheld, std::memory_order_relaxed);
    version_.store(version + 2, std::memory_order_release);
  }

  bool used_ = false;
  FloodReport report_;
  std::atomic<std::uint64_t> version_{0};
  std::array<std::atomic<std::uint64_t>, kWords + 2> words_{};
};

constexpr bool has_encloser(ResponseClass what) {
  return what == ResponseClass::wildcard || what == ResponseClass::referral ||
         what == ResponseClass::nxdomain;
}

// Good questions: for names that exist, and below delegations unless so much is asked below one that it may
// be a flood of random names.
constexpr bool makes_known(ResponseClass what) {
  return what == ResponseClass::positive || what == ResponseClass::nodata || what == ResponseClass::referral;
}

// Tells the subjects of the classes apart.
constexpr std::uint64_t class_mark(std::size_t what) {
  return (what + 1) * 0xD6E8FEB86659FD93;
}
constexpr std::size_t kFloodMark = kResponseClasses, kPeerMark = kResponseClasses + 1;

// What an answer that passes tells about its source.
struct Standing {
  bool constrained = false;  // a limit is being used up
  bool watched = false;      // much is asked there: it may be part of a flood
};

}  // namespace

LimitCounts& LimitCounts::operator+=(const LimitCounts& more) {
  dropped += more.dropped;
  truncated += more.truncated;
  flood += more.flood;
  dry_run += more.dry_run;
  shed += more.shed;
  exempt += more.exempt;
  floods += more.floods;
  return *this;
}

struct Limiter::State {
  State(const LimitOptions& wanted, Rng& rng)
      : options(wanted),
        hash(rng),
        random(rng.u64()),
        rates(wanted.counter_octets, hash, rng.u64()),
        flood(share(wanted.flood_names_per_s) * kWindowSeconds, wanted.enclosers, wanted.known_names),
        peers(wanted.known_peers, rng.u64()),
        shed(wanted.shed_per_s == 0 ? UINT32_MAX : decay_limit(share(wanted.shed_per_s)), rng.u64()),
        rate_slip(wanted.slip),
        flood_slip(wanted.flood_slip),
        flood_answers(decay_limit(share(wanted.flood_names_per_s))),
        flood_source(SourceRates::limits(share(wanted.flood_source_per_s))),
        flood_peer(SourceRates::client_limits(share(wanted.flood_source_per_s))) {
    CHECK(wanted.workers > 0);
    for (std::size_t i = 0; i < kResponseClasses; ++i)
      limits[i] = SourceRates::limits(share(wanted.per_s[i]));
  }

  double share(std::uint32_t per_s) const { return static_cast<double>(per_s) / options.workers; }

  std::uint64_t client(const LimitSource& source) const { return hash.of(source.client(), source.widths); }
  bool flood_passes(const LimitQuestion& question, const LimitSource& source, std::uint64_t encloser,
                    Standing& standing);
  LimitAction withhold(const LimitSource& source, Slip& slip);
  void report(Encloser& encloser);

  LimitOptions options;
  LimitHash hash;
  LimitRandom random;
  SourceRates rates;
  FloodFinder flood;
  KnownPeers peers;
  ShedTable shed;
  Slip rate_slip, flood_slip;
  std::uint32_t flood_answers;
  SourceRates::Limits flood_source, flood_peer;
  std::array<SourceRates::Limits, kResponseClasses> limits{};
  std::uint64_t now = 0;

  struct {
    Counter dropped{0}, truncated{0}, flood{0}, dry_run{0}, shed{0}, exempt{0}, floods{0};
  } counts;
  std::array<SharedReport, kFloodReports> reports;
};

Limiter::Limiter(const LimitOptions& options, Rng& rng) : state_(std::make_unique<State>(options, rng)) {}
Limiter::~Limiter() = default;

void Limiter::tick(Duration steady) noexcept {
  auto& state = *state_;
  const auto tick = static_cast<std::uint64_t>(steady.count()) * 1000 >> kTickShift;
  if (tick <= state.now) return;
  state.now = tick;
  state.rates.tick(tick);
  state.peers.tick(tick);
  state.shed.tick(tick);
  state.flood.tick(tick, [&state](Encloser& encloser) { state.report(encloser); });
  shedding_ = state.shed.shedding();
  flooded_ = state.flood.flooded() > 0;
}

bool Limiter::early_drop_slow(ByteView peer) noexcept {
  auto& state = *state_;
  const auto source = limit_source(peer, state.hash);
  if (source.widths == 0) return false;
  const auto client = state.client(source);
  state.peers.prefetch(client);  // most questions of a flood lead there
  if (!shedding_ || !state.shed.drop(client)) return false;
  count(state.counts.shed);
  return true;
}

LimitAction Limiter::judge(const LimitQuestion& question) noexcept {
  auto& state = *state_;
  if (!question.udp) return LimitAction::pass;
  const auto source = limit_source(question.peer, state.hash);
  if (source.widths == 0) return LimitAction::pass;

  const auto what = static_cast<std::size_t>(question.what);
  const auto& limits = state.limits[what];
  Standing standing;
  if (question.cookie_valid) {
    count(state.counts.exempt);
  } else {
    std::uint64_t subject = 0;
    if (has_encloser(question.what)) {
      subject = state.hash.of(question.encloser);
      if (state.options.flood_names_per_s > 0 && !state.flood_passes(question, source, subject, standing)) {
        count(state.counts.flood);
        return state.withhold(source, state.flood_slip);
      }
    } else if (limits.any && question.what != ResponseClass::error) {
      subject = state.hash.of(question.name);
    }
    if (limits.any) {
      const auto verdict = state.rates.pass(source, subject ^ class_mark(what), limits);
      if (verdict == SourceRates::Verdict::over) return state.withhold(source, state.rate_slip);
      standing.constrained |= verdict == SourceRates::Verdict::near;
    }
  }
  if (makes_known(question.what) && !standing.watched && state.options.flood_names_per_s > 0) {
    state.flood.good_question();
    if (state.peers.wants(flooded_)) state.peers.saw(state.client(source));
  }
  if (state.shed.watching() && !standing.constrained) state.shed.passed(state.client(source));
  return LimitAction::pass;
}

bool Limiter::State::flood_passes(const LimitQuestion& question, const LimitSource& source,
                                  std::uint64_t encloser, Standing& standing) {
  auto* watched = flood.watched(encloser);
  if (watched == nullptr) return true;
  standing.watched = true;
  const auto within = [&](const SourceRates::Limits& share, std::size_t mark) {
    return share.any && rates.pass(source, encloser ^ class_mark(mark), share) != SourceRates::Verdict::over;
  };
  const bool peer = peers.knows(client(source)) && within(flood_peer, kPeerMark);
  if (const auto newcomers = peers.take_newcomers(); newcomers > 0) flood.newcomers(newcomers);
  const auto look = flood.look(*watched, hash.of(question.name), peer);
  if (look.flooded == nullptr) return true;
  auto& entry = *look.flooded;
  if (look.began) {
    count(counts.floods);
    const auto free = std::ranges::find_if(reports, [](const SharedReport& r) { return !r.used(); });
    entry.report = 0xFF;
    if (free != reports.end()) {
      entry.report = static_cast<std::uint8_t>(free - reports.begin());
      free->begin(question.encloser);
    }
  }
  if (look.known) return true;
  standing.constrained = true;
  if (entry.answered.at(static_cast<std::uint16_t>(now)) < flood_answers &&
      (peer || within(flood_source, kFloodMark))) {
    entry.answered.value = saturating_add(entry.answered.value, kDecayOne);
    return true;
  }
  ++entry.withheld;
  return false;
}

LimitAction Limiter::State::withhold(const LimitSource& source, Slip& slip) {
  if (options.mode == LimitMode::dry_run) {
    count(counts.dry_run);
    return LimitAction::pass;
  }
  shed.withheld(client(source));
  if (slip.next(random)) {
    count(counts.truncated);
    return LimitAction::truncate;
  }
  count(counts.dropped);
  return LimitAction::drop;
}

// At the end of each window of a flood.
void Limiter::State::report(Encloser& encloser) {
  if (encloser.report >= reports.size()) return;
  auto& shared = reports[encloser.report];
  if (encloser.flooded)
    shared.update(static_cast<std::uint32_t>(std::min(encloser.names / kWindowSeconds, 4e9)),
                  encloser.withheld);
  else
    shared.end();
}

LimitCounts Limiter::counts() const {
  const auto& from = state_->counts;
  const auto read = [](const Counter& counter) { return counter.load(std::memory_order_relaxed); };
  return {.dropped = read(from.dropped),
          .truncated = read(from.truncated),
          .flood = read(from.flood),
          .dry_run = read(from.dry_run),
          .shed = read(from.shed),
          .exempt = read(from.exempt),
          .floods = read(from.floods)};
}

std::size_t Limiter::reports(std::span<FloodReport> out) const {
  std::size_t n = 0;
  for (const auto& shared : state_->reports)
    if (n < out.size() && shared.read(out[n])) ++n;
  return n;
}

}  // namespace onoma::serve
