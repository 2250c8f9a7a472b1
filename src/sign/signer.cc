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
#include "wire/rdata.h"

namespace onoma::sign {

namespace {

using zone::Diff;
using zone::Snapshot;

class ZoneSigner final : public zone::Signer {
 public:
  ZoneSigner(KeySet keys, const SigningPolicy& policy, os::JobPool* pool)
      : signer_(std::move(keys), policy, pool), due_(signer_) {}

  Result<Diff> sign(const Snapshot& before, Diff unsigned_diff, Time now) override {
    ONOMA_TRY(auto diff, sign_diff(signer_, before, unsigned_diff, now));
    due_.note(before, diff);
    return diff;
  }

  Result<std::vector<wire::RRset>> sign_all(const wire::Name& apex, std::vector<wire::RRset> content,
                                            Time now) override {
    if (!wire::equal(apex, signer_.apex()))
      return fail(Code::bad_request,
                  fmt::format("the keys are for the zone {}, not {}", signer_.apex().text(), apex.text()));
    ONOMA_TRY(auto sets, sign_full(signer_, std::move(content), now));
    warn_of_expiry(sets);
    return sets;
  }

  std::optional<Time> next_refresh(const Snapshot& current) override {
    due_.follow(current);
    if (apex_sets_differ(current)) return Time{};
    const auto expiration = due_.earliest(current);
    if (!expiration) return std::nullopt;
    const auto seconds = std::int64_t{*expiration} - signer_.policy().refresh_lead.count();
    return from_unix_seconds(std::max<std::int64_t>(seconds, 0));
  }

  Result<Diff> refresh(const Snapshot& before, std::uint32_t to_serial, Time now,
                       std::size_t limit) override {
    due_.follow(before);
    Diff nothing{signer_.apex(), before.facts().serial, to_serial, {}};
    const auto until = unix_seconds(now) + signer_.policy().refresh_lead.count();
    const auto entries = due_.due(before, static_cast<std::uint32_t>(until), limit);
    if (entries.empty() && !apex_sets_differ(before)) return nothing;

    // The apex and its keys come out of the ordinary step; the other sets that are due are added to it.
    ONOMA_TRY(auto diff, sign_diff(signer_, before, nothing, now));
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
    ONOMA_TRY_VOID(signer_.sign(sets, now));
    diff.sort();
    due_.note(before, diff);
    return diff;
  }

 private:
  bool apex_sets_differ(const Snapshot& current) const {
    const auto apex = current.apex();
    const auto own = signer_.apex_sets();
    for (auto type : {RRType::DNSKEY, RRType::CDS, RRType::CDNSKEY, RRType::NSEC3PARAM}) {
      const auto wanted = std::ranges::find(own, type, &wire::RRset::type);
      const auto there = apex.find(type);
      if (there.has_value() != (wanted != own.end())) return true;
      if (there && !there->copy(apex.owner()).same_data(*wanted)) return true;
    }
    return false;
  }

  void warn_of_expiry(const std::vector<wire::RRset>& sets) const {
    for (const auto& set : sets) {
      if (set.type != RRType::SOA || !wire::equal(set.owner, signer_.apex())) continue;
      const auto soa = wire::Soa::read(set.rdatas.at(0));
      if (!soa) return;
      if (const auto text = expiry_warning(signer_.policy(), soa->expire_s); !text.empty())
        log::warning("sign", fmt::format("{}: {}", signer_.apex().text(), text));
      return;
    }
  }

  SetSigner signer_;
  DueIndex due_;
};

}  // namespace

Result<std::unique_ptr<zone::Signer>> make_signer(KeySet keys, SigningPolicy policy, os::JobPool* pool) {
  ONOMA_TRY_VOID(check(policy, keys.zone()));
  ONOMA_TRY_VOID(keys.check());
  return std::make_unique<ZoneSigner>(std::move(keys), policy, pool);
}

}  // namespace onoma::sign
