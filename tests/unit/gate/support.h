// What the gate's tests share: verdicts as text, and steps with a fault in them.
#pragma once

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "gate/gate.h"
#include "unit/gate/zone_maker.h"

namespace onoma::gate::testing {

inline const Time kTime = from_unix_seconds(kNow);

inline std::string texts(const zone::Verdict& verdict) {
  std::string out;
  for (const auto& finding : verdict.findings)
    out += (finding.fatal ? "FATAL " : "warning ") + finding.what + "\n";
  return out;
}

inline bool fatal_about(const zone::Verdict& verdict, std::string_view text) {
  for (const auto& finding : verdict.findings)
    if (finding.fatal && finding.what.find(text) != std::string::npos) return true;
  return false;
}

inline bool warns_about(const zone::Verdict& verdict, std::string_view text) {
  for (const auto& finding : verdict.findings)
    if (!finding.fatal && finding.what.find(text) != std::string::npos) return true;
  return false;
}

inline zone::Expected expected_of(const zone::Snapshot& zone) {
  return {zone.facts().delegations, zone.facts().ds_sets, zone.content_digest()};
}

// A correct version and a bent one that should follow it.
struct Bent {
  zone::SnapshotPtr before, after;
  zone::Diff diff;
};

// From the version `before`, which holds `old_sets`, to its next serial as `sets` say, whatever they say.
inline Bent bend_from(const zone::SnapshotPtr& before, const Sets& old_sets, const Sets& sets) {
  Bent out;
  out.before = before;
  out.diff.apex = before->facts().apex;
  out.diff.from_serial = before->facts().serial;
  out.diff.to_serial = before->facts().serial + 1;
  auto all = old_sets;
  for (const auto& [owner, types] : sets)
    for (const auto& [type, set] : types) all[owner][type] = set;
  for (const auto& [owner, types] : all)
    for (const auto& entry : types) {
      zone::RRsetChange change;
      change.owner = owner;
      change.type = entry.first;
      if (const auto at = old_sets.find(owner); at != old_sets.end())
        if (const auto set = at->second.find(entry.first); set != at->second.end())
          change.before = set->second;
      if (const auto at = sets.find(owner); at != sets.end())
        if (const auto set = at->second.find(entry.first); set != at->second.end())
          change.after = set->second;
      if (!(change.before == change.after)) out.diff.changes.push_back(std::move(change));
    }
  out.diff.sort();
  auto applied = before->apply(out.diff);
  EXPECT_TRUE(applied.has_value()) << (applied ? "" : applied.error().message);
  if (applied) out.after = *applied;
  return out;
}
inline Bent bend_to(const Maker& maker, const Sets& sets) {
  return bend_from(maker.build(), maker.signed_sets(), sets);
}

// The next version's sets, to be bent by a test.
inline Sets next_sets(const Maker& maker) {
  auto next = maker;
  ++next.serial;
  return next.signed_sets();
}

// Both the step and the walk refuse, and say why.
inline void expect_refused(const Bent& bent, std::string_view why, const GateOptions& options = {}) {
  ASSERT_TRUE(bent.after);
  const auto by_step = make_gate(options)->check(bent.before.get(), bent.diff, *bent.after, {}, kTime);
  EXPECT_TRUE(fatal_about(by_step, why)) << "step should say: " << why << "\nbut says:\n" << texts(by_step);
  const auto by_walk = verify_zone(*bent.after, options, kTime);
  EXPECT_TRUE(fatal_about(by_walk, why)) << "walk should say: " << why << "\nbut says:\n" << texts(by_walk);
}

}  // namespace onoma::gate::testing
