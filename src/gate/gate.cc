#include "gate/gate.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/check.h"
#include "gate/check.h"

namespace onoma::gate {
namespace {

KeySet keys_of(const Snapshot& zone) {
  const auto set = zone.apex().find(RRType::DNSKEY);
  return set ? KeySet(set->rdatas()) : KeySet();
}

// At the levels above structure: are there signatures at all?
void check_is_signed(Check& check) {
  if (check.options.level == zone::GateLevel::structure || !check.keys.empty()) return;
  const auto& facts = check.zone.facts();
  if (check.options.require_signed)
    check.findings.fatal(check.apex,
                         fmt::format("{} has no DNSKEY set: it is not signed", check.apex.text()));
  else if (facts.signatures != 0 || check.zone.nsec3_first().valid() || check.zone.apex().has(RRType::NSEC))
    check.findings.fatal(
        check.apex, fmt::format("{} has no DNSKEY set but signatures or denial records", check.apex.text()));
}

bool wants_zonemd(const Check& check) {
  return check.options.check_zonemd || check.options.require_zonemd;
}

// The whole zone, in slices.
class Everything {
 public:
  // `digest`: the digest of the content too. It says something only where the version did not get its own
  // from the same walk, or where a source has one to compare.
  Everything(Check& check, bool digest, const ProgressFn& progress) : check_(check) {
    check_is_signed(check);
    if (check.dnssec()) check_keys(check);
    walker_.emplace(check, Walk{.digest = digest}, progress);
  }
  bool step(std::size_t names) { return walker_->step(names); }
  Counts finish() {
    auto counts = walker_->finish();
    check_counts(check_, counts);
    if (wants_zonemd(check_)) check_zonemd(check_);
    return counts;
  }

 private:
  Check& check_;
  std::optional<Walker> walker_;
};

Counts check_everything(Check& check, bool digest, const ProgressFn& progress) {
  Everything everything(check, digest, progress);
  while (everything.step(kWholeZone)) {
  }
  return everything.finish();
}

class RealGate final : public zone::Gate {
 public:
  explicit RealGate(GateOptions options) : options_(std::move(options)) {}

  zone::Verdict check(const Snapshot* before, const zone::Diff& diff, const Snapshot& after,
                      const std::optional<zone::Expected>& expected, Time now) override {
    Findings findings;
    Check check(options_, after, now, findings);
    const bool registry = options_.level == zone::GateLevel::registry;
    Counts counts;
    if (before == nullptr) {
      counts = check_everything(check, registry || options_.full, {});
    } else {
      counts = check_diff(check, *before, diff);
      check_change(check, *before, diff);
    }
    if (registry && expected) check_expected(check, counts, *expected);
    return std::move(findings).verdict();
  }

 private:
  void check_change(Check& check, const Snapshot& before, const zone::Diff& diff) {
    check_is_signed(check);
    const auto reach = check_step(check, before, diff);
    check.queue.run();
    if (options_.full) {
      check_everything(check, true, {});
      check_nothing_else(check, before, diff);
      return;
    }
    if (reach.everything)
      walk_zone(check, {.structure = false, .octets = reach.octets_too, .counts = false, .digest = false},
                {});
    const bool new_digest =
        std::ranges::any_of(diff.changes, [](const auto& change) { return change.type == RRType::ZONEMD; });
    if (options_.require_zonemd || (new_digest && options_.check_zonemd)) check_zonemd(check);
  }

  const GateOptions options_;
};

}  // namespace

Check::Check(const GateOptions& with, const Snapshot& what, Time at, Findings& to)
    : options(with),
      zone(what),
      apex(what.facts().apex),
      now(static_cast<std::uint32_t>(unix_seconds(at))),
      findings(to),
      keys(keys_of(what)),
      queue(to, std::max(1U, with.verify_threads)) {
  if (dnssec()) chain = read_chain(*this);
}

std::unique_ptr<zone::Gate> make_gate(GateOptions options) {
  CHECK(options.verify_threads >= 1);
  return std::make_unique<RealGate>(std::move(options));
}

struct ZoneCheck::State {
  State(zone::SnapshotPtr what, GateOptions with, Time now)
      : zone(std::move(what)), options(std::move(with)), check(options, *zone, now, findings) {}
  zone::SnapshotPtr zone;
  GateOptions options;
  ProgressFn none;
  Findings findings;
  Check check;
  Everything everything{check, true, none};
};

ZoneCheck::ZoneCheck(zone::SnapshotPtr zone, GateOptions options, Time now) {
  CHECK(options.verify_threads >= 1);
  state_ = std::make_unique<State>(std::move(zone), std::move(options), now);
}
ZoneCheck::~ZoneCheck() = default;
bool ZoneCheck::step(std::size_t names) {
  return state_->everything.step(names);
}
zone::Verdict ZoneCheck::verdict() {
  state_->everything.finish();
  return std::move(state_->findings).verdict();
}

zone::Verdict verify_zone(const Snapshot& zone, const GateOptions& options, Time now,
                          const ProgressFn& progress) {
  CHECK(options.verify_threads >= 1);
  Findings findings;
  Check check(options, zone, now, findings);
  check_everything(check, options.level == zone::GateLevel::registry || options.full, progress);
  return std::move(findings).verdict();
}

}  // namespace onoma::gate
