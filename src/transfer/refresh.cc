#include "transfer/refresh.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace onoma::transfer {

namespace {

using Kind = RefreshAction::Kind;

Duration seconds(std::uint64_t count) {
  return std::chrono::seconds{static_cast<std::int64_t>(count)};
}

// `first`, doubled `times` times, but not above `most`.
std::uint64_t doubled(std::uint64_t first, unsigned times, std::uint64_t most) {
  for (; times > 0 && first < most; --times) first *= 2;
  return std::min(first, most);
}

// The faults of IXFR that asking for the whole zone may mend.
bool whole_may_help(FaultKind kind) {
  switch (kind) {
    case FaultKind::truncated:
    case FaultKind::malformed:
    case FaultKind::mismatch:
    case FaultKind::refused:
    case FaultKind::contradictory:
    case FaultKind::not_newer:
    case FaultKind::not_accepted:
      return true;
    case FaultKind::unreachable:
    case FaultKind::too_large:
    case FaultKind::not_authentic:
      return false;
  }
  return false;
}

}  // namespace

ZoneRefresh::ZoneRefresh(std::size_t primaries, std::uint64_t spread, RefreshLimits limits)
    : limits_(limits), spread_(spread), primaries_(primaries) {
  CHECK(primaries > 0);
}

std::optional<std::uint32_t> ZoneRefresh::serial() const {
  return held_ ? std::optional(held_->serial) : std::nullopt;
}

Duration ZoneRefresh::jittered(std::uint64_t count) const {
  const auto whole = seconds(count);
  return whole - whole * static_cast<std::int64_t>(spread_ % 1000) / 10'000;
}

Duration ZoneRefresh::backoff(unsigned failures) const {
  const std::uint64_t first =
      held_ ? std::clamp(held_->retry_s, limits_.retry_min, limits_.retry_max) : limits_.first_retry;
  const std::uint64_t most =
      held_ ? std::max<std::uint64_t>(limits_.backoff_max, first) : limits_.first_retry_max;
  return jittered(doubled(first, failures - 1, most));
}

std::optional<Duration> ZoneRefresh::next_wake() const {
  std::optional<Duration> out;
  const auto take = [&](const std::optional<Duration>& time) {
    if (time && (!out || *time < *out)) out = time;
  };
  if (state_ == State::idle) {
    take(next_check_);
    take(hint_due_);
  }
  if (!expired_) take(expires_at_);
  return out;
}

RefreshActions ZoneRefresh::start(Duration now, const std::optional<HeldVersion>& held) {
  RefreshActions out;
  if (held) {
    held_ = held->soa;
    expires_at_ = now + std::min(held->expires_in, seconds(held->soa.expire_s));
    if (*expires_at_ <= now) {
      expired_ = true;
      out.push_back({.kind = Kind::expire});
    }
  }
  const auto asked = check(now, 0);
  out.insert(out.end(), asked.begin(), asked.end());
  return out;
}

RefreshActions ZoneRefresh::wake(Duration now) {
  RefreshActions out;
  if (expires_at_ && !expired_ && *expires_at_ <= now) {
    expired_ = true;
    out.push_back({.kind = Kind::expire});
  }
  if (state_ != State::idle) return out;
  const bool hinted = hint_due_ && *hint_due_ <= now;
  if (!hinted && !(next_check_ && *next_check_ <= now)) return out;
  const auto asked = check(now, hint_ && hint_->from != kNobody ? hint_->from : 0);
  out.insert(out.end(), asked.begin(), asked.end());
  return out;
}

RefreshActions ZoneRefresh::notified(Duration now, std::optional<std::uint32_t> serial, std::size_t from) {
  if (serial && held_ && !expired_ && !wire::serial_newer(*serial, held_->serial)) return {};
  // Of two hints the newer serial stays; one without a serial says less than one with.
  if (!hint_ || !hint_->serial || (serial && wire::serial_newer(*serial, *hint_->serial))) {
    hint_ = Hint{.serial = serial, .from = from < primaries_.size() ? from : kNobody};
    hint_counts_ = false;
  }
  if (state_ != State::idle) return {};
  hint_due_ = fruitless_ > 1 ? std::max(now, idle_since_ + seconds(limits_.hint_gap)) : now;
  return *hint_due_ <= now ? wake(now) : RefreshActions{};
}

RefreshActions ZoneRefresh::check_now(Duration now) {
  for (auto& primary : primaries_) primary = {};
  rounds_failed_ = 0;
  if (state_ != State::idle) return {};
  return check(now, 0);
}

// Everybody is asked in order of preference, whoever sent the hint first.
RefreshActions ZoneRefresh::check(Duration now, std::size_t first) {
  RefreshActions out;
  if (now >= idle_since_ + seconds(limits_.hint_gap)) fruitless_ = 0;
  order_.assign(1, first);
  for (std::size_t i = 0; i < primaries_.size(); ++i)
    if (i != first) order_.push_back(i);
  turn_ = 0;
  confirmed_ = false;
  ++fruitless_;  // until it brings something
  hint_counts_ = hint_.has_value();
  hint_due_.reset();
  next_check_.reset();
  problem_.clear();
  ask(out);
  return out;
}

void ZoneRefresh::ask(RefreshActions& out) {
  state_ = State::asking;
  out.push_back({.kind = Kind::ask, .primary = order_[turn_]});
}

void ZoneRefresh::next_primary(Duration now, RefreshActions& out) {
  if (++turn_ < order_.size()) return ask(out);
  end_round(now, out);
}

bool ZoneRefresh::hint_is_news() const {
  return hint_ && hint_->serial && (!held_ || wire::serial_newer(*hint_->serial, held_->serial));
}

void ZoneRefresh::end_round(Duration now, RefreshActions& out) {
  state_ = State::idle;
  idle_since_ = now;
  if (confirmed_) {
    rounds_failed_ = 0;
    problem_.clear();
    // A zone that is checked more rarely than it expires would come and go.
    const auto refresh = std::min(held_->refresh_s, std::max(held_->expire_s / 2, std::uint32_t{1}));
    next_check_ = now + jittered(std::clamp(refresh, limits_.refresh_min, limits_.refresh_max));
  } else {
    ++rounds_failed_;
    next_check_ = now + (held_ ? jittered(std::clamp(held_->retry_s, limits_.retry_min, limits_.retry_max))
                               : backoff(rounds_failed_));
  }
  if (!hint_) return;
  if (!hint_counts_) {  // it came while the round was under way
    if (hint_->serial && !hint_is_news()) {
      hint_.reset();
      return;
    }
    if (fruitless_ <= 1) {
      const auto asked = check(now, hint_->from != kNobody ? hint_->from : 0);
      out.insert(out.end(), asked.begin(), asked.end());
      return;
    }
    hint_due_ = now + seconds(limits_.hint_gap);
    return;
  }
  if (!hint_is_news() || ++hint_->tries >= limits_.hint_tries) {
    hint_.reset();
    return;
  }
  hint_due_ = now + seconds(limits_.hint_gap);
}

bool ZoneRefresh::held_back(const Primary& primary, std::uint32_t serial, Duration now) const {
  if (now >= primary.not_before || primary.failures == 0) return false;
  // Another version deserves a try, but whoever fails with every version has to wait too.
  return primary.bad_serial == serial || primary.failures > 2;
}

RefreshActions ZoneRefresh::answered(Duration now, const wire::Soa& soa,
                                     std::optional<std::uint32_t> expire_s) {
  RefreshActions out;
  if (state_ != State::asking) return out;
  const auto who = order_[turn_];
  const auto& primary = primaries_[who];
  if (!held_ || wire::serial_newer(soa.serial, held_->serial)) {
    if (held_back(primary, soa.serial, now)) {
      problem_ = fmt::format("serial {} could not be taken; tried again later", soa.serial);
      next_primary(now, out);
      return out;
    }
    state_ = State::transferring;
    kind_ = held_ ? TransferKind::ixfr : TransferKind::axfr;
    offered_ = soa.serial;
    offered_expire_s_ = expire_s;
    out.push_back({.kind = Kind::transfer, .primary = who, .transfer = kind_});
    return out;
  }
  if (soa.serial == held_->serial) {
    confirm(now, expire_s, false, out);
    // The others may have what the hint is about.
    if (hint_is_news() && hint_counts_)
      next_primary(now, out);
    else
      end_round(now, out);
    return out;
  }
  problem_ = fmt::format("the primary has serial {}, which is older than {}", soa.serial, held_->serial);
  next_primary(now, out);
  return out;
}

RefreshActions ZoneRefresh::not_answered(Duration now, std::string why) {
  RefreshActions out;
  if (state_ != State::asking) return out;
  problem_ = std::move(why);
  next_primary(now, out);
  return out;
}

RefreshActions ZoneRefresh::transferred(Duration now, const wire::Soa& soa,
                                        std::optional<std::uint32_t> expire_s) {
  RefreshActions out;
  if (state_ != State::transferring) return out;
  primaries_[order_[turn_]] = {};
  held_ = soa;
  fruitless_ = 0;
  expired_ = false;  // a new version is shown, so there is nothing to revive
  confirm(now, expire_s ? expire_s : offered_expire_s_, true, out);
  end_round(now, out);
  return out;
}

RefreshActions ZoneRefresh::up_to_date(Duration now, const wire::Soa& soa,
                                       std::optional<std::uint32_t> expire_s) {
  RefreshActions out;
  if (state_ != State::transferring) return out;
  if (held_ && soa.serial == held_->serial) {
    confirm(now, expire_s, false, out);
    end_round(now, out);
    return out;
  }
  problem_ = fmt::format("the primary offered serial {} and then transferred {}", offered_, soa.serial);
  next_primary(now, out);
  return out;
}

RefreshActions ZoneRefresh::failed(Duration now, FaultKind kind, std::string why) {
  RefreshActions out;
  if (state_ != State::transferring) return out;
  const auto who = order_[turn_];
  if (kind_ == TransferKind::ixfr && whole_may_help(kind)) {
    kind_ = TransferKind::axfr;
    out.push_back({.kind = Kind::transfer, .primary = who, .transfer = kind_});
    return out;
  }
  auto& primary = primaries_[who];
  ++primary.failures;
  primary.bad_serial = offered_;
  primary.not_before = now + backoff(primary.failures);
  problem_ = std::move(why);
  next_primary(now, out);
  return out;
}

void ZoneRefresh::confirm(Duration now, std::optional<std::uint32_t> expire_s, bool fresh,
                          RefreshActions& out) {
  confirmed_ = true;
  confirmed_at_ = now;
  // A primary that is itself a secondary must not make us serve longer than its own data may be (RFC 7314
  // §4), and one that is fresher than ours does not shorten our time.
  auto until = now + seconds(expire_s ? std::min(*expire_s, held_->expire_s) : held_->expire_s);
  if (expire_s && !fresh && expires_at_ && !expired_) until = std::max(until, *expires_at_);
  expires_at_ = until;
  out.push_back({.kind = Kind::remember});
  if (expired_ && until > now) {
    expired_ = false;
    out.push_back({.kind = Kind::revive});
  }
}

}  // namespace onoma::transfer
