#include "sign/signer.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "sign/due_index.h"
#include "sign/full.h"
#include "sign/incremental.h"
#include "sign/rules.h"
#include "sign/set_signer.h"
#include "sign/zone_digest.h"
#include "wire/dnssec.h"
#include "wire/rdata.h"

namespace onoma::sign {

namespace {

using zone::Diff;
using zone::Snapshot;

class ZoneSigner final : public zone::Signer {
 public:
  ZoneSigner(KeySet keys, SigningPolicy policy, os::JobPool* pool)
      : policy_(std::move(policy)), pool_(pool), apex_(keys.zone()) {
    take(std::move(keys));
  }
  ZoneSigner(std::shared_ptr<KeyManager> manager, SigningPolicy policy, os::JobPool* pool, Time earliest)
      : ZoneSigner(manager->keys(), std::move(policy), pool) {
    manager_ = std::move(manager);
    earliest_ = earliest;
    generation_ = 0;  // the keys may have changed meanwhile
  }

  Result<Diff> sign(const Snapshot& before, Diff unsigned_diff, Time now) override {
    ONOMA_TRY_VOID(check_clock(now, &before, earliest_));
    ONOMA_TRY(auto diff, sign_diff(*signer_, before, unsigned_diff, now));
    ONOMA_TRY_VOID(complete_zonemd(*signer_, before, diff, now));
    due_->note(before, diff);
    return diff;
  }

  Result<std::vector<wire::RRset>> sign_all(const wire::Name& apex, std::vector<wire::RRset> content,
                                            Time now) override {
    if (!wire::equal(apex, apex_))
      return fail(Code::bad_request,
                  fmt::format("the keys are for the zone {}, not {}", apex_.text(), apex.text()));
    ONOMA_TRY_VOID(check_clock(now, nullptr, earliest_));
    follow_keys();
    ONOMA_TRY(auto sets, sign_full(*signer_, std::move(content), now));
    warn_of_expiry(sets);
    return sets;
  }

  std::optional<Time> next_refresh(const Snapshot& current) override {
    // What is wrong with the clock or the keys, refresh() meets again and reports.
    if (manager_ && !check_clock(manager_->now(), &current, earliest_)) return Time{};
    if (!advance_keys(current)) return Time{};
    due_->follow(current);
    if (apex_sets_differ(current)) return Time{};
    auto next = renewal(current);
    if (const auto step = manager_ ? manager_->next_step() : std::nullopt; step && (!next || *step < *next))
      next = step;
    return next;
  }

  Result<Diff> refresh(const Snapshot& before, std::uint32_t to_serial, Time now,
                       std::size_t limit) override {
    ONOMA_TRY_VOID(check_clock(now, &before, earliest_));
    ONOMA_TRY_VOID(advance_keys(before));
    due_->follow(before);
    Diff nothing{apex_, before.facts().serial, to_serial, {}};
    const auto entries = due_->due(before, static_cast<std::uint32_t>(unix_seconds(now)), limit);
    if (entries.empty() && !apex_sets_differ(before)) return nothing;

    // The apex and its keys come out of the ordinary step; the other sets that are due are added to it.
    ONOMA_TRY(auto diff, sign_diff(*signer_, before, nothing, now));
    std::set<std::pair<std::string, wire::RRType>> there;
    for (const auto& change : diff.changes) there.emplace(wire::sort_key(change.owner), change.type);
    const auto first = diff.changes.size();
    for (const auto& entry : entries) {
      const auto node = DueIndex::node(before, entry);
      const auto set = node ? node->find(entry.type) : std::nullopt;
      if (!set || there.contains({wire::sort_key(node->owner()), entry.type})) continue;
      auto copy = set->copy(node->owner());
      diff.changes.push_back({copy.owner, entry.type, copy, copy});
    }
    std::vector<wire::RRset*> sets;
    for (auto i = first; i < diff.changes.size(); ++i) sets.push_back(&*diff.changes[i].after);
    ONOMA_TRY_VOID(signer_->sign(sets, now));
    diff.sort();
    ONOMA_TRY_VOID(complete_zonemd(*signer_, before, diff, now));
    due_->note(before, diff);
    return diff;
  }

 private:
  void take(KeySet keys) {
    due_.reset();
    signer_ = std::make_unique<SetSigner>(std::move(keys), policy_, pool_);
    due_ = std::make_unique<DueIndex>(*signer_);
  }

  void follow_keys() {
    if (!manager_ || manager_->generation() == generation_) return;
    generation_ = manager_->generation();  // first: keys that are newer than it are met again
    take(manager_->keys());
  }

  // Makes the steps of the keys' lives that are due, as many as there are.
  Result<void> advance_keys(const Snapshot& current) {
    if (!manager_) return {};
    constexpr int kStepsMax = 100;
    for (int i = 0; i < kStepsMax; ++i) {
      follow_keys();
      due_->follow(current);
      KeyManager::Served served{.generation = generation_,
                                .apex_agrees = !apex_sets_differ(current),
                                .renewal = {},
                                .max_ttl_s = due_->max_ttl_s()};
      if (served.apex_agrees) served.renewal = renewal(current);
      ONOMA_TRY(const bool changed, manager_->advance(served));
      if (!changed) return {};
    }
    return fail(Code::internal, fmt::format("the keys of {} change without end", apex_.text()));
  }

  std::optional<Time> renewal(const Snapshot& current) {
    const auto seconds = due_->earliest(current);
    return seconds ? std::optional(from_unix_seconds(*seconds)) : std::nullopt;
  }

  bool apex_sets_differ(const Snapshot& current) const {
    const auto& apex = current.apex();
    const auto own = signer_->apex_sets();
    for (auto type : {RRType::DNSKEY, RRType::CDS, RRType::CDNSKEY, RRType::NSEC3PARAM}) {
      const auto wanted = std::ranges::find(own, type, &wire::RRset::type);
      const auto there = apex.find(type);
      if (there.has_value() != (wanted != own.end())) return true;
      if (there && !there->copy(apex.owner()).same_data(*wanted)) return true;
    }
    return zonemd_differs(apex);
  }

  // Is there a digest, by the hash wanted? Whether it is right, the gate says.
  bool zonemd_differs(const zone::NodeView& apex) const {
    const auto there = apex.find(RRType::ZONEMD);
    if (!there || !policy_.zonemd) return there.has_value() != policy_.zonemd.has_value();
    const auto data = there->rdatas().front();
    return there->size() != 1 || data.size() < 6 || data[5] != static_cast<std::uint8_t>(*policy_.zonemd);
  }

  void warn_of_expiry(const std::vector<wire::RRset>& sets) const {
    for (const auto& set : sets) {
      if (set.type != RRType::SOA || !wire::equal(set.owner, apex_)) continue;
      const auto soa = wire::Soa::read(set.rdatas.at(0));
      if (!soa) return;
      if (const auto text = expiry_warning(policy_, soa->expire_s); !text.empty())
        log::warning("sign", fmt::format("{}: {}", apex_.text(), text));
      return;
    }
  }

  const SigningPolicy policy_;
  os::JobPool* const pool_;
  const wire::Name apex_;
  Time earliest_{};
  std::shared_ptr<KeyManager> manager_;  // null: the keys stay as they are
  std::uint64_t generation_ = 0;         // of the manager's keys that signer_ has
  std::unique_ptr<SetSigner> signer_;
  std::unique_ptr<DueIndex> due_;  // refers to signer_
};

}  // namespace

Result<std::unique_ptr<zone::Signer>> make_signer(KeySet keys, SigningPolicy policy, os::JobPool* pool) {
  ONOMA_TRY_VOID(check(policy, keys.zone()));
  ONOMA_TRY_VOID(keys.check());
  return std::make_unique<ZoneSigner>(std::move(keys), std::move(policy), pool);
}

Result<std::unique_ptr<zone::Signer>> make_signer(std::shared_ptr<KeyManager> manager, SigningPolicy policy,
                                                  os::JobPool* pool, Time earliest) {
  const auto keys = manager->keys();
  ONOMA_TRY_VOID(check(policy, keys.zone()));
  ONOMA_TRY_VOID(keys.check());
  return std::make_unique<ZoneSigner>(std::move(manager), std::move(policy), pool, earliest);
}

Result<void> check_clock(Time now, const zone::Snapshot* newest, Time earliest) {
  if (now < earliest)
    return fail(
        Code::unavailable,
        fmt::format("the clock shows {}, and this program was built on {}: nothing is signed before the "
                    "clock is right; set it (NTP)",
                    iso8601(now), iso8601(earliest)));
  if (newest == nullptr) return {};
  // Every version has a new signature over its SOA.
  std::int64_t begins = 0;
  const auto soa = newest->apex().find(RRType::SOA);
  if (!soa) return {};
  for (const auto signature : soa->signatures())
    if (const auto rrsig = wire::Rrsig::read(signature); rrsig)
      begins = std::max(begins, std::int64_t{rrsig->inception});
  if (now + kClockSkew < from_unix_seconds(begins))
    return fail(
        Code::unavailable,
        fmt::format("the clock shows {}, and the newest signature of the zone begins at {}: nothing is "
                    "signed before the clock is right; set it (NTP)",
                    iso8601(now), iso8601(from_unix_seconds(begins))));
  return {};
}

Time build_date() {
  return from_iso8601(ONOMA_BUILD_DATE "T00:00:00Z").value_or(Time{});
}

}  // namespace onoma::sign
