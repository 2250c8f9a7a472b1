#include "publish/sequencer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "publish/sequencer_step.h"
#include "wire/rdata.h"

namespace onoma::publish {

using wire::RRset;
using wire::RRType;

namespace {

std::uint32_t date_serial(Time now) {
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(now)};
  return (static_cast<std::uint32_t>(static_cast<int>(day.year())) * 10000U +
          static_cast<unsigned>(day.month()) * 100U + static_cast<unsigned>(day.day())) *
         100U;
}

void set_serial(RRset& soa, std::uint32_t serial) {
  CHECK(soa.rdatas.size() == 1);
  auto& rdata = soa.rdatas.front();
  CHECK(rdata.size() >= 22);
  store_u32(&rdata[rdata.size() - 20], serial);
}

constexpr std::size_t kWarningsLogged = 3;
constexpr std::size_t kEverything = std::size_t{1} << 40;
constexpr int kPatience = 64;  // the longest wait between two tries, in first waits

void log_warnings(const wire::Name& zone, std::uint32_t serial, const zone::Verdict& verdict) {
  for (std::size_t i = 0; i < std::min(verdict.findings.size(), kWarningsLogged); ++i)
    log::warning("publish", fmt::format("zone {} serial {}: {} {}", zone.text(), serial,
                                        verdict.findings[i].owner, verdict.findings[i].what));
  if (verdict.total > kWarningsLogged)
    log::warning("publish",
                 fmt::format("zone {} serial {}: {} more warnings; `onoma zone verify` on the exported zone "
                             "shows them",
                             zone.text(), serial, verdict.total - kWarningsLogged));
}

}  // namespace

void renew_soa(const zone::Snapshot& before, zone::Diff& diff) {
  const auto& apex = before.apex();
  auto found = std::find_if(diff.changes.begin(), diff.changes.end(),
                            [](const zone::RRsetChange& change) { return change.type == RRType::SOA; });
  if (found == diff.changes.end()) {
    const auto soa = apex.find(RRType::SOA)->copy(apex.owner());
    found = diff.changes.insert(found, {soa.owner, RRType::SOA, soa, soa});
  }
  set_serial(*found->after, diff.to_serial);
  diff.sort();
}

zone::Diff as_first_version(const wire::Name& zone, std::uint32_t serial, const std::vector<RRset>& sets) {
  zone::Diff diff{.apex = zone, .from_serial = 0, .to_serial = serial, .changes = {}};
  diff.changes.reserve(sets.size());
  for (const auto& set : sets) diff.changes.push_back({set.owner, set.type, std::nullopt, set});
  diff.sort();
  return diff;
}

Result<zone::SnapshotPtr> build(const wire::Name& zone, const zone::Diff& first) {
  zone::SnapshotBuilder builder(zone);
  for (const auto& change : first.changes) {
    if (!change.after) return onoma::fail(Code::corrupt, "a first version with a removal");
    ONOMA_TRY_VOID(builder.add(*change.after));
  }
  return builder.finish();
}

std::string describe(const zone::Verdict& verdict) {
  std::string text = verdict.total > 1 ? fmt::format("{} findings", verdict.total) : std::string();
  for (const auto& finding : verdict.findings) {
    if (!finding.fatal) continue;
    text += fmt::format("{}{}{}{}", text.empty() ? "" : "; ", finding.owner,
                        finding.owner.empty() ? "" : ": ", finding.what);
    if (text.size() > 500) break;
  }
  return text;
}

std::uint32_t serial_after(std::uint32_t last, model::SerialPolicy policy, Time now) {
  // 0 is left out: in a log it stands for "no version before" (a first version's from_serial).
  const auto following = last + 1 == 0 ? 1U : last + 1;
  auto wanted = following;
  if (policy == model::SerialPolicy::unixtime) wanted = static_cast<std::uint32_t>(unix_seconds(now));
  if (policy == model::SerialPolicy::datecounter) wanted = date_serial(now);
  return wanted != 0 && wire::serial_newer(wanted, last) ? wanted : following;
}

Sequencer::Sequencer(SequencerOptions options, SequencerStages stages, const Clock& clock)
    : options_(std::move(options)), stages_(std::move(stages)), clock_(clock), retry_(options_.retry) {
  CHECK(stages_.gate && stages_.sink != nullptr);
}

// What was above the limits by itself, was announced or approved.
void Sequencer::recall(const zone::Snapshot& before, const zone::Version& version) {
  if (!stages_.limits || version.made + zone::ChangeLimits::kWindow <= clock_.now()) return;
  const auto count = stages_.limits->count(before, version.diff);
  if (stages_.limits->exceeded(before, count, {}).empty()) ledger_.add(version.made, count);
}

Result<bool> Sequencer::restore() {
  if (!stages_.log) return false;
  zone::SnapshotPtr newest;
  std::optional<zone::Version> last;
  ONOMA_TRY_VOID(stages_.log->replay(options_.zone, [&](zone::Version&& version) -> Result<void> {
    if (version.diff.from_serial == 0) {
      ONOMA_TRY(newest, build(options_.zone, version.diff));
    } else {
      if (!newest)
        return onoma::fail(Code::corrupt, "the journal starts with a change instead of a whole version");
      recall(*newest, version);
      ONOMA_TRY(newest, newest->apply(version.diff));
    }
    last = std::move(version);
    return {};
  }));
  if (!newest) return false;
  if (newest->content_digest() != last->content)
    return onoma::fail(Code::corrupt,
                       fmt::format("the changes in the journal of {} do not add up to serial {}; "
                                   "restore the file from a copy",
                                   options_.zone.text(), last->serial));
  current_ = newest;
  last_event_ = last->last_event;
  options_.epoch = std::max(options_.epoch, last->epoch + 1);
  state_ = State::idle;
  stages_.sink->show(*last, current_);
  take_up_waiting();
  return true;
}

void Sequencer::resume(zone::SnapshotPtr current) {
  current_ = std::move(current);
  if (current_) state_ = State::idle;
}

void Sequencer::replace_equal(zone::SnapshotPtr same) {
  CHECK(current_ && same->facts().serial == current_->facts().serial);
  current_ = std::move(same);
}

Result<bool> Sequencer::offer(zone::SnapshotPtr next, std::optional<zone::Diff> diff) {
  CHECK(!stages_.signer && (diff || current_ || !stages_.log));
  const auto now = clock_.now();
  const auto serial = next->facts().serial;
  if (!diff && current_) diff = zone::difference(*current_, *next);
  if (!diff) diff.emplace();
  diff->apex = options_.zone;
  diff->from_serial = current_ ? current_->facts().serial : 0;
  diff->to_serial = serial;
  if (current_ && diff->empty()) {
    state_ = State::idle;
    reason_.clear();
    return false;
  }
  Step step;
  step.released = std::exchange(waived_, false);
  step.before = current_;
  step.after = std::move(next);
  step.trace.committed = step.trace.collected = step.trace.signed_at = now;
  step.version = {.zone = options_.zone,
                  .serial = serial,
                  .first_event = 0,
                  .last_event = last_event_,
                  .epoch = options_.epoch,
                  .made = now,
                  .committed = now,
                  .diff = std::move(*diff),
                  .content = {}};
  std::vector<VersionTrace> shown;
  ONOMA_TRY(const bool accepted, accept(std::move(step), shown));
  if (accepted) reason_.clear();
  return accepted;
}

void Sequencer::sign_anew(std::unique_ptr<zone::Signer> signer, std::unique_ptr<zone::Gate> gate) {
  stages_.signer = std::move(signer);
  stages_.gate = std::move(gate);
  sign_anew_ = current_ != nullptr;
  held_event_ = 0;  // what the gate refused may pass now
}

void Sequencer::set_serial_policy(model::SerialPolicy policy, Duration min_interval) {
  options_.serial = policy;
  options_.min_interval = min_interval;
}

std::vector<VersionTrace> Sequencer::run() {
  CHECK(stages_.source);
  std::vector<VersionTrace> shown;
  next_wake_.reset();
  if (too_early(clock_.now())) return shown;
  bool more = true;
  for (std::size_t turns = 0; more && turns < options_.turns_max; ++turns) {
    const auto result = turn(shown);
    if (!result) {
      fail(result.error(), clock_.now());
      return shown;
    }
    more = *result && options_.min_interval == Duration{};
  }
  rest(clock_.now());
  if (more && options_.min_interval == Duration{}) next_wake_ = clock_.now();
  return shown;
}

// At most one version. Events and signatures that fall due take turns, so that neither starves the other;
// and what the gate holds back does not keep the signatures of what is shown from being renewed.
Result<bool> Sequencer::turn(std::vector<VersionTrace>& out) {
  if (!current_) return first_version(out);
  if (waiting_) ONOMA_TRY_VOID(look_behind());
  if (waiting_) {
    describe_waiting();
    return sign_anew_ ? Result<bool>(false) : refresh(out);
  }
  if (std::exchange(events_last_, false)) {
    ONOMA_TRY(const bool refreshed, refresh(out));
    if (refreshed) return true;
  }
  ONOMA_TRY(events_last_, sign_anew_ ? whole_version(out) : next_version(out));
  if (events_last_) return true;
  // New keys or another policy: the signer at hand is not the one that signed what is shown.
  return sign_anew_ ? Result<bool>(false) : refresh(out);
}

bool Sequencer::too_early(Time now) {
  if (options_.min_interval == Duration{} || !current_ || now >= last_shown_ + options_.min_interval)
    return false;
  next_wake_ = last_shown_ + options_.min_interval;
  return true;
}

void Sequencer::fail(const Error& error, Time now) {
  state_ = State::failing;
  reason_ = error.message;
  next_wake_ = now + retry_;
  log::error(
      "publish",
      fmt::format("zone {}: {}; {}the version before stays", options_.zone.text(), error.message,
                  // A file is read again when its owner says so.
                  options_.keep_serial ? std::string()
                                       : fmt::format("tried again in {} s, ", retry_.count() / 1'000'000)));
  retry_ = std::min(retry_ * 2, options_.retry * kPatience);
}

void Sequencer::rest(Time now) {
  retry_ = options_.retry;
  if (state_ != State::held && current_) {
    state_ = State::idle;
    reason_.clear();
  }
  if (!current_ || !stages_.signer || sign_anew_) return;
  // What is due and was not done (the gate refused it, or its turn has not come) must not be tried without
  // pause.
  if (auto due = stages_.signer->next_refresh(*current_))
    next_wake_ = *due > now ? *due : now + options_.retry * (state_ == State::held ? kPatience : 1);
}

std::uint32_t Sequencer::next_serial(Time now) const {
  const auto last = current_ ? current_->facts().serial : options_.first_serial;
  return serial_after(last, options_.serial, now);
}

Result<bool> Sequencer::first_version(std::vector<VersionTrace>& out) {
  Step step;
  std::uint64_t last_event = 0;
  ONOMA_TRY(auto content, stages_.source->full(last_event, step.expected));
  if (held_event_ != 0 && last_event == held_event_) return false;
  const auto now = clock_.now();
  step.trace.committed = step.trace.collected = now;

  auto soa =
      std::find_if(content.begin(), content.end(), [](const RRset& set) { return set.type == RRType::SOA; });
  if (soa == content.end()) return onoma::fail(Code::corrupt, "the zone's source gave no SOA");
  const auto serial = options_.keep_serial ? wire::soa_serial(soa->rdatas.front()) : next_serial(now);
  set_serial(*soa, serial);
  if (stages_.signer) {
    ONOMA_TRY(content, stages_.signer->sign_all(options_.zone, std::move(content), now));
  }
  step.trace.signed_at = clock_.now();
  step.version = {.zone = options_.zone,
                  .serial = serial,
                  .first_event = last_event == 0 ? 0U : 1U,
                  .last_event = last_event,
                  .epoch = options_.epoch,
                  .made = now,
                  .committed = now,
                  .diff = as_first_version(options_.zone, serial, content),
                  .content = {}};
  ONOMA_TRY(step.after, build(options_.zone, step.version.diff));
  return accept(std::move(step), out);
}

// The whole content signed anew, as a step from the current version.
Result<bool> Sequencer::whole_version(std::vector<VersionTrace>& out) {
  Step step;
  std::uint64_t last_event = 0;
  ONOMA_TRY(auto content, stages_.source->full(last_event, step.expected));
  if (state_ == State::held && held_event_ != 0 && last_event == held_event_) return false;
  const auto now = clock_.now();
  const auto serial = next_serial(now);
  for (auto& set : content)
    if (set.type == RRType::SOA) set_serial(set, serial);
  step.before = current_;
  step.trace.committed = step.trace.collected = now;
  if (stages_.signer) {
    ONOMA_TRY(content, stages_.signer->sign_all(options_.zone, std::move(content), now));
  }
  step.trace.signed_at = clock_.now();
  step.planned_keys = true;
  step.released = std::exchange(waived_, false);
  ONOMA_TRY(step.after, build(options_.zone, as_first_version(options_.zone, serial, content)));
  auto diff = zone::difference(*current_, *step.after);
  diff.to_serial = serial;
  step.version = {.zone = options_.zone,
                  .serial = serial,
                  .first_event = last_event > last_event_ ? last_event_ + 1 : 0,
                  .last_event = last_event,
                  .epoch = options_.epoch,
                  .made = now,
                  .committed = now,
                  .diff = std::move(diff),
                  .content = {}};
  ONOMA_TRY(const bool accepted, accept(std::move(step), out));
  if (accepted) sign_anew_ = false;
  return accepted;
}

Result<bool> Sequencer::next_version(std::vector<VersionTrace>& out) {
  ONOMA_TRY(auto batch, stages_.source->next(*current_, last_event_));
  if (!batch) {
    state_ = State::idle;  // the source agrees with what is shown, whatever was refused before
    return false;
  }
  if (state_ == State::held && batch->last_event == held_event_ && batch->last_event != 0) return false;
  if (batch->diff.empty()) {  // events that change nothing in this zone
    last_event_ = std::max(last_event_, batch->last_event);
    state_ = State::idle;
    return false;
  }
  const auto now = clock_.now();
  Step step;
  step.before = current_;
  step.expected = batch->expected;
  step.trace.committed = batch->committed == Time{} ? now : batch->committed;
  step.trace.collected = now;
  auto diff = std::move(batch->diff);
  diff.from_serial = current_->facts().serial;
  if (!options_.keep_serial) diff.to_serial = next_serial(now);
  step.version.first_event = batch->first_event;
  step.version.last_event = batch->last_event;
  return finish(std::move(step), std::move(diff), out);
}

// Signs what the step changes and sees it through. `diff` names its serials.
Result<bool> Sequencer::finish(Step step, zone::Diff diff, std::vector<VersionTrace>& out) {
  if (stages_.limits && stages_.held != nullptr) step.content = diff;
  if (stages_.signer) {
    ONOMA_TRY(diff, stages_.signer->sign(*current_, std::move(diff), step.trace.collected));
  } else if (!options_.keep_serial) {
    renew_soa(*current_, diff);
  }
  step.trace.signed_at = clock_.now();
  ONOMA_TRY(step.after, current_->apply(diff));
  step.version.zone = options_.zone;
  step.version.serial = diff.to_serial;
  step.version.epoch = options_.epoch;
  step.version.made = step.trace.collected;
  step.version.committed = step.trace.committed;
  step.version.diff = std::move(diff);
  return accept(std::move(step), out);
}

Result<bool> Sequencer::refresh(std::vector<VersionTrace>& out) {
  const auto now = clock_.now();
  if (!current_ || !stages_.signer) return false;
  const auto due = stages_.signer->next_refresh(*current_);
  if (!due || *due > now) return false;
  Step step;
  step.before = current_;
  step.trace.committed = step.trace.collected = now;
  // Where versions are rare, one must carry all that is due.
  const auto limit = options_.min_interval == Duration{} ? options_.refresh_batch : kEverything;
  ONOMA_TRY(auto diff, stages_.signer->refresh(*current_, next_serial(now), now, limit));
  if (diff.empty()) return false;
  step.trace.signed_at = clock_.now();
  ONOMA_TRY(step.after, current_->apply(diff));
  step.refresh = step.planned_keys = true;
  step.version = {.zone = options_.zone,
                  .serial = diff.to_serial,
                  .first_event = 0,
                  .last_event = last_event_,
                  .epoch = options_.epoch,
                  .made = now,
                  .committed = now,
                  .diff = std::move(diff),
                  .content = {}};
  return accept(std::move(step), out);
}

// Gate, log, show. False when the gate holds the version.
Result<bool> Sequencer::accept(Step step, std::vector<VersionTrace>& out) {
  auto& version = step.version;
  if (stages_.log) version.content = step.after->content_digest();  // costs a walk over a zone that is new
  auto verdict =
      stages_.gate->check(step.before.get(), version.diff, *step.after, step.expected, clock_.now());
  step.trace.checked = clock_.now();
  // What is wrong is refused, whatever its size; only what is right may be too large.
  const bool wrong = !verdict.accepted();
  zone::ChangeCount count;
  bool announced = false;
  if (!wrong && stages_.limits && step.before) {
    count = stages_.limits->count(*step.before, version.diff);
    if (step.planned_keys || stages_.signer) count.apex_keys = false;
    announced = announced_ && announced_->covers(count, step.trace.checked);
    if (!step.released && !announced)
      for (auto& why : stages_.limits->exceeded(*step.before, count, ledger_.recent(step.trace.checked))) {
        verdict.findings.insert(verdict.findings.begin(),
                                {.what = std::move(why), .owner = {}, .fatal = true});
        ++verdict.total;
      }
  }
  if (!verdict.accepted()) {
    add(Metric::onoma_versions_refused_total);
    state_ = State::held;
    if (!step.refresh) held_event_ = version.last_event;
    reason_ = describe(verdict);
    log::error("publish",
               fmt::format("zone {}: {} serial {}: {}; the version before stays{}", options_.zone.text(),
                           wrong ? "the gate refused" : "the limits on change hold", version.serial, reason_,
                           wrong ? "" : "; see `onoma zone held`"));
    hold(step, wrong ? HeldKind::refused : HeldKind::held);
    stages_.sink->refused(version, verdict);
    return false;
  }
  log_warnings(options_.zone, version.serial, verdict);
  if (stages_.log) ONOMA_TRY_VOID(stages_.log->append(version));
  step.trace.durable = clock_.now();
  if (announced)
    announced_->use(count);
  else if (!step.released)
    ledger_.add(step.trace.checked, count);
  current_ = step.after;
  last_event_ = version.last_event;
  if (!step.refresh) {
    held_event_ = 0;
    state_ = State::idle;
  }
  stages_.sink->show(version, current_);
  step.trace.shown = last_shown_ = clock_.now();
  add(Metric::onoma_versions_published_total);
  set(Metric::onoma_publish_last_us, static_cast<std::uint64_t>(std::max<std::int64_t>(
                                         0, (step.trace.shown - step.trace.committed).count())));
  step.trace.zone = options_.zone;
  step.trace.serial = version.serial;
  step.trace.first_event = version.first_event;
  step.trace.last_event = version.last_event;
  step.trace.changes = version.diff.changes.size();
  out.push_back(std::move(step.trace));
  return true;
}

}  // namespace onoma::publish
