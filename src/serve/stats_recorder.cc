#include "serve/stats_recorder.h"

#include <algorithm>
#include <cstring>

namespace onoma::serve {
namespace {

constexpr std::size_t kTopBuckets = 64;
constexpr std::size_t kDomainBuckets = 128;
constexpr std::uint32_t kAdmissionPeriod = 16;

std::uint64_t word_at(const std::uint8_t* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}
// Up to 7 octets, and how many there are.
std::uint64_t short_word(const std::uint8_t* at, std::size_t size) {
  std::uint64_t word = std::uint64_t{size} << 56;
  for (std::size_t i = 0; i < size; ++i) word |= std::uint64_t{at[i]} << i * 8;
  return word;
}
// Eight octets of a name in lower case. Length octets are below 'A' and stay as they are.
std::uint64_t fold(std::uint64_t word) {
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  const auto low = word & (0x7f * kEach);
  const auto above_at = low + (0x80 - 'A') * kEach, above_z = low + (0x7f - 'Z') * kEach;
  return word | ((above_at ^ above_z) & ~word & (0x80 * kEach)) >> 2;
}
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Product = unsigned __int128;
  const auto product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Hash of a name without its case, or of other octets as they are. Keyed, so that nobody can choose names
// that share a bucket; never shown. The last word may overlap the one before.
template <bool kFold>
std::uint64_t hash_octets(ByteView octets, std::uint64_t seed) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
  const auto read = [](std::uint64_t word) { return kFold ? fold(word) : word; };
  const auto* at = octets.data();
  auto left = octets.size();
  std::uint64_t hash = seed ^ left * kOdd;
  if (left < 8) return mix(hash ^ read(short_word(at, left)), seed | 1);
  for (; left > 8; at += 8, left -= 8) hash = mix(hash ^ read(word_at(at)), seed | 1);
  return mix(hash ^ read(word_at(octets.data() + octets.size() - 8)), kOdd);
}

ByteView lower(ByteView name, std::array<std::uint8_t, 256>& out) {
  const auto size = std::min<std::size_t>(name.size(), 255);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::uint8_t>(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
  return ByteView(out).first(size);
}

}  // namespace

StatsBank::StatsBank(const StatsOptions& options) {
  if (options.top) {
    names = std::make_unique<TopSketch>(kTopBuckets);
    enclosers = std::make_unique<TopSketch>(kTopBuckets);
    addresses = std::make_unique<TopSketch>(kTopBuckets);
    networks = std::make_unique<TopSketch>(kTopBuckets);
  }
  if (options.magnitude)
    domains = std::make_unique<DomainSketch>(kDomainBuckets,
                                             std::clamp<std::size_t>(options.magnitude_sketches, 1, 4096));
}

StatsRecorder::StatsRecorder(const StatsOptions& options, std::uint64_t seed)
    : seed_(seed), random_(seed | 1), bank_owned_(std::make_unique<StatsBank>(options)) {
  bank_ = bank_owned_.get();
  wanted_.store(bank_);
  active_.store(bank_);
}

std::unique_ptr<StatsBank> StatsRecorder::replace_bank(std::unique_ptr<StatsBank> next) {
  std::swap(next, bank_owned_);
  wanted_.store(bank_owned_.get(), std::memory_order_seq_cst);
  return next;
}

// A worker that is idle reads `wanted_` after it has said that it no longer is; both are ordered with the
// store of `wanted_`, so that who sees it idle afterwards knows that it will see the new bank.
bool StatsRecorder::has_left_old_bank() const {
  return idle_.load(std::memory_order_seq_cst) ||
         active_.load(std::memory_order_acquire) == bank_owned_.get();
}

void StatsRecorder::begin(std::size_t packets) noexcept {
  if (is_idle_) {
    is_idle_ = false;
    idle_.store(false, std::memory_order_seq_cst);
  }
  auto* const wanted = wanted_.load(std::memory_order_seq_cst);
  if (wanted != bank_) {
    bank_ = wanted;
    active_.store(wanted, std::memory_order_release);
  }
  const auto period = packets > 16 ? 16U : packets > 4 ? 4U : 1U;
  if (period == period_) return;
  // Gaps are even over 1 to 2 * period - 1; how far the next sample is from an arbitrary packet is then
  // distributed like the smaller of two different numbers of 1 to 2 * period.
  period_ = period;
  const auto a = random() % (2 * period), b = random() % (2 * period - 1);
  until_sample_ = 1 + std::min(a, b + (b >= a ? 1 : 0));
}

void StatsRecorder::idle() noexcept {
  is_idle_ = true;
  idle_.store(true, std::memory_order_release);
}

void StatsRecorder::end(std::uint64_t batch_ns) noexcept {
  apply_pending();
  if (recorded_ > 0) {
    cells_.add(StatsCounts::kLatencies + LatencyScale::part_of(batch_ns), recorded_);
    cells_.add(StatsCounts::kLatencySum, batch_ns * recorded_);
    recorded_ = 0;
  }
}

void StatsRecorder::record(const PacketFacts& facts) noexcept {
  using C = StatsCounts;
  ++recorded_;
  const bool replied = facts.reply_octets > 0;
  const std::size_t stream = facts.transport == Transport::udp ? 0 : 1;
  cells_.add(C::kKinds + static_cast<std::size_t>(facts.transport) * C::kTransport +
                 (facts.peer.size() == 16 ? C::kV6 : 0) + (facts.edns ? C::kEdns : 0) +
                 (facts.dnssec_ok ? C::kDo : 0) + (facts.truncated ? C::kTc : 0) +
                 (replied ? C::kReplied : 0),
             1);
  cells_.add(C::kRequests + stream * C::kRequestClasses +
                 std::min<std::size_t>(facts.request_octets / 16, C::kRequestClasses - 1),
             1);
  cells_.add(C::kRequestOctets, facts.request_octets);
  if (!facts.qname.empty()) cells_.add(C::kQtypes + std::min<std::size_t>(facts.qtype, C::kTypes - 1), 1);
  if (replied) {
    cells_.add(
        C::kCodes + (facts.opcode & 15U) * C::kRcodes + std::min<std::size_t>(facts.rcode, C::kRcodes - 1),
        1);
    cells_.add(C::kResponses + stream * C::kResponseClasses +
                   std::min<std::size_t>(facts.reply_octets / 16, C::kResponseClasses - 1),
               1);
    cells_.add(C::kResponseOctets, facts.reply_octets);
  }
  const auto client = note_source(facts.peer);
  if (bank_->domains && facts.zone_octets > 0) note_domain(facts, client);
  if (--until_sample_ == 0) {
    until_sample_ = period_ == 1 ? 1 : 1 + random() % (2 * period_ - 1);
    if (bank_->names) note_top(facts);
  }
}

// Counts the source; its client hash.
std::uint64_t StatsRecorder::note_source(ByteView peer) noexcept {
  const auto hashes = source_hashes(peer);
  bank_->clients.add(hashes.client);
  if (peer.size() == 4) {
    bank_->v4.add(hashes.address);
  } else {
    bank_->v6.add(hashes.address);
    bank_->v6_networks.add(hashes.network);
  }
  return hashes.client;
}

// The domain of a query is what lies one label below the apex of its zone, or the apex itself.
void StatsRecorder::note_domain(const PacketFacts& facts, std::uint64_t client) noexcept {
  const auto name = facts.qname;
  std::size_t at = 0, domain = 0;
  while (at < name.size() && name.size() - at > facts.zone_octets) {
    domain = at;
    at += 1U + name[at];
  }
  if (domain >= name.size()) return;
  if (pending_count_ == kPending) apply_pending();
  auto& pending = pending_[pending_count_++];
  pending.domain = hash_octets<true>(name.subspan(domain), seed_);
  pending.client = client;
  pending.name = name.data() + domain;
  pending.name_octets = static_cast<std::uint8_t>(std::min<std::size_t>(name.size() - domain, 255));
  bank_->domains->prefetch(pending.domain);
}

void StatsRecorder::apply_pending() noexcept {
  for (std::size_t i = 0; i < pending_count_; ++i) {
    const auto& pending = pending_[i];
    auto& domains = *bank_->domains;
    if (domains.add(pending.domain, pending.client)) continue;
    if (!domains.has_room(pending.domain)) {
      if (--until_admission_ != 0) continue;
      until_admission_ = 1 + random() % (2 * kAdmissionPeriod - 1);
    }
    std::array<std::uint8_t, 256> folded;
    domains.admit(pending.domain, lower({pending.name, pending.name_octets}, folded), pending.client);
  }
  pending_count_ = 0;
}

void StatsRecorder::note_top(const PacketFacts& facts) noexcept {
  std::array<std::uint8_t, 256> folded;
  if (!facts.qname.empty()) {
    const auto name = lower(facts.qname, folded);
    bank_->names->add(hash_octets<false>(name, seed_), name, period_);
    if (facts.encloser_octets > 0 && facts.encloser_octets <= name.size()) {
      const auto encloser = name.last(facts.encloser_octets);
      bank_->enclosers->add(hash_octets<false>(encloser, seed_), encloser, period_);
    }
  }
  if (facts.peer.size() != 4 && facts.peer.size() != 16) return;
  bank_->addresses->add(hash_octets<false>(facts.peer, seed_), facts.peer, period_);
  const auto network = facts.peer.first(facts.peer.size() == 4 ? 3 : 6);  // /24, /48
  bank_->networks->add(hash_octets<false>(network, seed_), network, period_);
}

std::uint32_t StatsRecorder::random() noexcept {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return static_cast<std::uint32_t>(random_ >> 32);
}

}  // namespace onoma::serve
