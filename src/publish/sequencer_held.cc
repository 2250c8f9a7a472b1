// What waits for a person: holding it, and what the person says.
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "publish/sequencer_step.h"
#include "wire/rdata.h"

namespace onoma::publish {
namespace {

// How often the source is asked what waits behind a held version.
constexpr Duration kLookEvery = std::chrono::seconds{2};

std::unexpected<Error> not_waiting(const wire::Name& zone, std::uint32_t serial) {
  return onoma::fail(Code::not_found,
                     fmt::format("no version {} of {} is held; `onoma zone held` lists those that are",
                                 serial, zone.text()));
}

}  // namespace

void Sequencer::hold(const Step& step, HeldKind kind) {
  HeldVersion held;
  held.kind = kind;
  held.zone = options_.zone;
  held.serial = step.version.serial;
  held.from_serial = step.version.diff.from_serial;
  held.first_event = step.version.first_event;
  held.last_event = step.version.last_event;
  held.at = clock_.now();
  held.committed = step.version.committed;
  held.reason = reason_;
  held.expected = step.expected;
  held.rrsets = step.version.diff.changes.size();
  if (kind == HeldKind::refused) {
    held.diff = step.version.diff;
  } else if (step.content) {
    held.diff = *step.content;
    held.unsigned_diff = true;
  } else if (stages_.source) {  // signed as a whole: what of it is content
    held.diff = content_of(step.version.diff);
    held.unsigned_diff = true;
  } else {
    held.diff = step.version.diff;
  }
  if (stages_.held != nullptr)
    if (const auto kept = stages_.held->keep(held); !kept)
      log::error("publish", fmt::format("zone {}: the held version could not be kept: {}",
                                        options_.zone.text(), kept.error().message));
  if (kind != HeldKind::held || !stages_.source) return;
  waiting_ = std::move(held);
  queued_ = 0;
  looked_behind_ = held.at;
  describe_waiting();
}

// The newest that waits, after a restart.
void Sequencer::take_up_waiting() {
  if (stages_.held == nullptr || !stages_.source) return;
  for (const auto& facts : stages_.held->list(options_.zone)) {
    if (facts.kind == HeldKind::refused) continue;
    // Shown meanwhile, or rolled back to a version that never came to be.
    const bool over = facts.kind == HeldKind::held
                          ? facts.last_event <= last_event_
                          : wire::serial_newer(facts.serial, current_->facts().serial);
    auto version = over ? Result<HeldVersion>(onoma::fail(Code::not_found, "it is over"))
                        : stages_.held->read(options_.zone, facts.serial);
    if (version) {
      waiting_ = *std::move(version);
      continue;
    }
    if (!over)
      log::error("publish", fmt::format("zone {}: the held version {} cannot be read: {}",
                                        options_.zone.text(), facts.serial, version.error().message));
    static_cast<void>(stages_.held->drop(options_.zone, facts.serial));
  }
  if (waiting_) describe_waiting();
}

void Sequencer::describe_waiting() {
  state_ = State::held;
  const bool back = waiting_->kind == HeldKind::rolled_back;
  reason_ = fmt::format("serial {} {}: {}", waiting_->serial,
                        back ? "was rolled back to" : "waits for a person's consent", waiting_->reason);
  if (queued_ != 0) reason_ += fmt::format("; {} later events wait behind it", queued_);
}

// What waits is void when the source has come back to what is shown.
Result<void> Sequencer::look_behind() {
  const auto now = clock_.now();
  if (now < looked_behind_ + kLookEvery && now >= looked_behind_) {
    next_wake_ = looked_behind_ + kLookEvery;
    return {};
  }
  looked_behind_ = now;
  ONOMA_TRY(const auto batch, stages_.source->next(*current_, last_event_));
  if (batch && !batch->diff.empty()) {
    queued_ = batch->last_event > waiting_->last_event ? batch->last_event - waiting_->last_event : 0;
    return {};
  }
  if (waiting_->kind == HeldKind::rolled_back) return {};
  log::info("publish", fmt::format("zone {}: the held version {} is void: its source no longer asks for it",
                                   options_.zone.text(), waiting_->serial));
  if (stages_.held != nullptr) ONOMA_TRY_VOID(stages_.held->drop(options_.zone, waiting_->serial));
  waiting_.reset();
  held_event_ = 0;
  state_ = State::idle;
  reason_.clear();
  return {};
}

Result<VersionTrace> Sequencer::approve(std::uint32_t serial, const Decision& by) {
  if (!waiting_ || waiting_->serial != serial) {
    if (stages_.held == nullptr) return not_waiting(options_.zone, serial);
    ONOMA_TRY(const auto held, stages_.held->read(options_.zone, serial));
    if (held.kind != HeldKind::refused) return not_waiting(options_.zone, serial);
    return onoma::fail(Code::gate_refused,
                       fmt::format("serial {} of {} cannot be approved: its content is wrong: {}", serial,
                                   options_.zone.text(), held.reason));
  }
  const auto now = clock_.now();
  std::vector<VersionTrace> shown;
  bool accepted = false;
  if (waiting_->kind == HeldKind::rolled_back) {
    waived_ = true;
    held_event_ = 0;
    const auto done = whole_version(shown);
    waived_ = false;
    if (!done) return std::unexpected(done.error());
    accepted = *done;
  } else {
    Step step;
    step.released = true;
    step.before = current_;
    step.expected = waiting_->expected;
    step.trace.committed = waiting_->committed;
    step.trace.collected = now;
    step.version.first_event = waiting_->first_event;
    step.version.last_event = waiting_->last_event;
    auto diff = waiting_->diff;
    diff.from_serial = current_->facts().serial;
    diff.to_serial = next_serial(now);
    ONOMA_TRY(accepted, finish(std::move(step), std::move(diff), shown));
  }
  if (!accepted) {
    const auto why = reason_;
    describe_waiting();
    return onoma::fail(Code::gate_refused, fmt::format("serial {} of {} does not pass the gate: {}", serial,
                                                       options_.zone.text(), why));
  }
  if (stages_.held != nullptr) {
    ONOMA_TRY_VOID(stages_.held->note("approved", options_.zone, serial, by, now));
    ONOMA_TRY_VOID(stages_.held->drop(options_.zone, serial));
  }
  waiting_.reset();
  queued_ = 0;
  state_ = State::idle;
  reason_.clear();
  return shown.back();
}

Result<void> Sequencer::reject(std::uint32_t serial, const Decision& by) {
  if (stages_.held == nullptr) return not_waiting(options_.zone, serial);
  ONOMA_TRY(const auto held, stages_.held->read(options_.zone, serial));
  if (held.kind == HeldKind::rolled_back)
    return onoma::fail(Code::status_prohibits,
                       fmt::format("{} was rolled back to serial {}: that cannot be rejected; approve "
                                   "it to publish the source's content again",
                                   options_.zone.text(), serial));
  ONOMA_TRY_VOID(stages_.held->note("rejected", options_.zone, serial, by, clock_.now()));
  ONOMA_TRY_VOID(stages_.held->drop(options_.zone, serial));
  if (!waiting_ || waiting_->serial != serial) return {};
  waiting_.reset();
  queued_ = 0;
  held_event_ = 0;
  state_ = State::idle;
  reason_.clear();
  return {};
}

Result<VersionTrace> Sequencer::roll_back(std::uint32_t to, const Decision& by) {
  if (!stages_.log || !current_ || !stages_.source || stages_.held == nullptr)
    return onoma::fail(Code::unavailable, fmt::format("no versions of {} are kept", options_.zone.text()));
  zone::SnapshotPtr at, target;
  std::string kept;
  std::size_t versions = 0;
  ONOMA_TRY_VOID(stages_.log->replay(options_.zone, [&](zone::Version&& version) -> Result<void> {
    if (version.diff.from_serial == 0) {
      ONOMA_TRY(at, build(options_.zone, version.diff));
    } else if (at) {
      ONOMA_TRY(at, at->apply(version.diff));
    }
    if (version.serial == to) target = at;
    if (++versions <= 20) kept += fmt::format("{}{}", kept.empty() ? "" : ", ", version.serial);
    return {};
  }));
  if (!target)
    return onoma::fail(Code::not_found,
                       fmt::format("version {} of {} is not kept; the journal has {} versions: {}{}", to,
                                   options_.zone.text(), versions, kept, versions > 20 ? ", …" : ""));
  const auto now = clock_.now();
  auto diff = content_of(zone::difference(*current_, *target));
  if (diff.empty())
    return onoma::fail(Code::status_prohibits,
                       fmt::format("{} has the content of version {} already", options_.zone.text(), to));
  diff.from_serial = current_->facts().serial;
  diff.to_serial = next_serial(now);

  HeldVersion mark;
  mark.kind = HeldKind::rolled_back;
  mark.zone = options_.zone;
  mark.serial = diff.to_serial;
  mark.from_serial = diff.from_serial;
  mark.last_event = last_event_;
  mark.at = mark.committed = now;
  mark.reason = fmt::format("to the content of version {} by {}: {}", to, by.who, by.reason);
  mark.rrsets = diff.changes.size();
  mark.diff = diff;
  mark.unsigned_diff = true;
  // Kept first: after a crash the zone must not go forward again by itself.
  ONOMA_TRY_VOID(stages_.held->keep(mark));

  Step step;
  step.released = true;
  step.before = current_;
  step.trace.committed = step.trace.collected = now;
  step.version.last_event = last_event_;
  std::vector<VersionTrace> shown;
  auto accepted = finish(std::move(step), std::move(diff), shown);
  if (!accepted || !*accepted) {
    ONOMA_TRY_VOID(stages_.held->drop(options_.zone, mark.serial));
    if (!accepted) return std::unexpected(accepted.error());
    return onoma::fail(Code::gate_refused,
                       fmt::format("the content of version {} of {} does not pass the gate: {}", to,
                                   options_.zone.text(), reason_));
  }
  ONOMA_TRY_VOID(stages_.held->note("rolled back", options_.zone, mark.serial, by, now));
  // What waited before is part of what waits now.
  if (waiting_ && waiting_->serial != mark.serial)
    ONOMA_TRY_VOID(stages_.held->drop(options_.zone, waiting_->serial));
  waiting_ = std::move(mark);
  queued_ = 0;
  looked_behind_ = {};
  describe_waiting();
  return shown.back();
}

}  // namespace onoma::publish
