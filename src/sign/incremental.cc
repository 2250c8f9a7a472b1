#include "sign/incremental.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/check.h"
#include "sign/chain.h"
#include "sign/full.h"
#include "sign/rules.h"
#include "sign/zone_digest.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::sign {

namespace {

using zone::Diff;
using zone::NodeView;
using zone::Snapshot;

std::optional<RRset> copy_of(const std::optional<NodeView>& node, RRType type) {
  if (!node) return std::nullopt;
  const auto set = node->find(type);
  if (!set) return std::nullopt;
  return set->copy(node->owner());
}

// A name whose standing may have changed.
struct Affected {
  bool was_linked = false;    // had an NSEC or NSEC3 record
  bool is_linked = false;     // shall have one
  bool linked_below = false;  // a name below is or comes into the chain, as far as affected names say
  bool left_below = false;    // a name below leaves the chain
  Place place = Place::authoritative;
  std::vector<RRType> types;  // of the link, when is_linked
  std::string link_key;       // sort key or hash
};

class Step {
 public:
  Step(const SetSigner& signer, const Snapshot& before, const Diff& unsigned_diff, Time now)
      : signer_(signer),
        before_(before),
        input_(unsigned_diff),
        now_(now),
        apex_key_(wire::sort_key(signer.apex())),
        uses_nsec3_(signer.policy().denial == zone::Denial::nsec3) {
    output_.apex = signer.apex();
    output_.from_serial = input_.from_serial;
    output_.to_serial = input_.to_serial;
  }

  Result<Diff> run() {
    ONOMA_TRY_VOID(check_serials());
    ONOMA_TRY(auto content, take_input());
    ONOMA_TRY(mid_, before_.apply(content));
    ONOMA_TRY(ttl_, negative_ttl_of(*mid_));
    if (!chain_continues()) return sign_everything();
    for (const auto& change : content.changes) collect(change.owner);
    judge();
    for (const auto& [key, affected] : affected_) change_sets(key, affected);
    ONOMA_TRY_VOID(mend_chain());
    return finish();
  }

 private:
  Result<void> check_serials() const {
    const auto serial = before_.facts().serial;
    if (input_.from_serial != serial)
      return fail(Code::corrupt, fmt::format("the change starts from serial {}, the version has {}",
                                             input_.from_serial, serial));
    if (!wire::serial_newer(input_.to_serial, serial))
      return fail(Code::corrupt, fmt::format("the serial {} is not newer than {}", input_.to_serial, serial));
    return {};
  }

  // The unsigned change in the form that apply() wants: what is there now as `before`, no types of the
  // signer's but the sets that it makes itself, always the SOA.
  Result<Diff> take_input() {
    Diff content{signer_.apex(), input_.from_serial, input_.to_serial, {}};
    std::optional<RRset> soa;
    for (const auto& change : input_.changes) {
      if (is_signers(change.type)) continue;
      if (!change.owner.is_at_or_below(signer_.apex()))
        return fail(Code::bad_request,
                    fmt::format("{} is not in the zone {}", change.owner.text(), signer_.apex().text()));
      const auto key = wire::sort_key(change.owner);
      auto now_there = copy_of(before_.node(key), change.type);
      if (now_there.has_value() != change.before.has_value() ||
          (now_there && !now_there->same_data(*change.before)))
        return fail(Code::corrupt,
                    fmt::format("the change of {} {} starts from other data than the version has",
                                change.owner.text(), wire::type_text(change.type)));
      auto after = change.after;
      if (after) {
        after->signatures.clear();
        after->normalise();
      }
      if (key == apex_key_ && change.type == RRType::SOA) {
        if (!after || after->rdatas.size() != 1)
          return fail(Code::bad_request, "the zone needs exactly one SOA record at its apex");
        soa = std::move(after);
        continue;
      }
      add_content(content, change.owner, change.type, std::move(now_there), std::move(after));
    }

    const auto apex = before_.apex();
    auto old_soa = copy_of(apex, RRType::SOA);
    CHECK(old_soa.has_value());  // every snapshot has one
    ONOMA_TRY(auto new_soa, with_serial(soa ? std::move(*soa) : *old_soa, input_.to_serial));
    auto own = signer_.apex_sets();
    if (const auto hash = signer_.policy().zonemd)
      own.push_back(zonemd_set(signer_.apex(), input_.to_serial, new_soa.ttl, *hash));
    add_content(content, signer_.apex(), RRType::SOA, std::move(old_soa), std::move(new_soa));

    for (auto type : {RRType::DNSKEY, RRType::CDS, RRType::CDNSKEY, RRType::NSEC3PARAM, RRType::ZONEMD}) {
      const auto wanted = std::ranges::find(own, type, &RRset::type);
      add_content(content, signer_.apex(), type, copy_of(apex, type),
                  wanted == own.end() ? std::nullopt : std::optional(std::move(*wanted)));
    }
    content.sort();
    return content;
  }

  static void add_content(Diff& content, const Name& owner, RRType type, std::optional<RRset> before,
                          std::optional<RRset> after) {
    if (!before && !after) return;
    if (before && after && before->same_data(*after)) return;
    content.changes.push_back({owner, type, std::move(before), std::move(after)});
  }

  static Result<std::uint32_t> negative_ttl_of(const Snapshot& snapshot) {
    const auto soa = snapshot.apex().find(RRType::SOA);
    if (!soa || soa->size() != 1)
      return fail(Code::bad_request, "the zone needs exactly one SOA record at its apex");
    return negative_ttl(soa->ttl(), soa->rdatas().front());
  }

  // Does the chain of `before` have the form that the policy wants, so that it can be mended?
  bool chain_continues() const {
    const auto& facts = before_.facts();
    if (facts.denial != signer_.policy().denial) return false;
    if (!uses_nsec3_) {
      const auto nsec = before_.apex().find(RRType::NSEC);
      return nsec && nsec->ttl() == ttl_;
    }
    const auto node = before_.nsec3_match(nsec3_hash(signer_.apex()));
    const auto set = node ? node->find(RRType::NSEC3) : std::nullopt;
    if (!set || set->size() != 1 || set->ttl() != ttl_) return false;
    const auto record = wire::Nsec3::read(set->rdatas().front());
    return record && record->iterations == 0 && record->salt.empty() &&
           ((record->flags & 1) != 0) == signer_.policy().opt_out;
  }

  Result<Diff> sign_everything() {
    ONOMA_TRY(auto sets, sign_full(signer_, content_of(*mid_), now_, &before_));
    zone::SnapshotBuilder builder(signer_.apex());
    for (auto& set : sets) ONOMA_TRY_VOID(builder.add(std::move(set)));
    ONOMA_TRY(const auto after, builder.finish());
    auto diff = zone::difference(before_, *after);
    diff.apex = output_.apex;
    diff.from_serial = output_.from_serial;
    diff.to_serial = output_.to_serial;
    return diff;
  }

  bool has_barrier(const Snapshot& snapshot, std::string_view key) const {
    const auto node = snapshot.node(key);
    return node && is_barrier(key == apex_key_, [&](RRType type) { return node->has(type); });
  }

  void collect(NameView owner) {
    const auto key = wire::sort_key(owner);
    add_affected(key);
    if (has_barrier(before_, key) == has_barrier(*mid_, key)) return;
    // Names that are in `before` only are changes themselves.
    for (auto cursor = mid_->seek(key); cursor.valid() && cursor.key().starts_with(key); cursor.next())
      add_affected(cursor.key());
  }

  void add_affected(std::string_view key) {
    affected_.try_emplace(std::string(key));
    if (!uses_nsec3_) return;
    for_each_ancestor(key, apex_key_.size() + 1,
                      [&](std::string_view ancestor) { affected_.try_emplace(std::string(ancestor)); });
  }

  bool is_occluded(const Snapshot& snapshot, std::string_view key) const {
    bool occluded = false;
    for_each_ancestor(key, apex_key_.size(), [&](std::string_view ancestor) {
      occluded = occluded || has_barrier(snapshot, ancestor);
    });
    return occluded;
  }

  static std::vector<RRType> data_types(const std::optional<NodeView>& node) {
    std::vector<RRType> types;
    for (std::size_t i = 0; node && i < node->size(); ++i)
      if (const auto type = node->at(i).type(); !is_chain(type)) types.push_back(type);
    return types;
  }

  // Says for each affected name where it stands and whether it is in the chain. Descendants come before
  // ancestors.
  void judge() {
    for (auto at = affected_.rbegin(); at != affected_.rend(); ++at) {
      const auto& key = at->first;
      auto& affected = at->second;
      if (uses_nsec3_) {
        const auto name = Name::from_sort_key(key);
        CHECK(name.has_value());
        affected.link_key = nsec3_hash(*name);
        affected.was_linked = before_.nsec3_match(affected.link_key).has_value();
      } else {
        affected.link_key = key;
        const auto node = before_.node(key);
        affected.was_linked = node && node->has(RRType::NSEC);
      }
      judge_one(key, affected);
      if (!uses_nsec3_ || key.size() <= apex_key_.size()) continue;
      const auto parent = affected_.find(wire::parent_key(key));
      if (parent == affected_.end()) continue;  // the apex, which needs no telling
      parent->second.linked_below |= affected.is_linked || affected.linked_below;
      parent->second.left_below |= (affected.was_linked && !affected.is_linked) || affected.left_below;
    }
  }

  void judge_one(std::string_view key, Affected& affected) const {
    if (is_occluded(*mid_, key)) {
      affected.place = Place::occluded;
      return;
    }
    const auto node = mid_->node(key);
    const auto types = data_types(node);
    if (types.empty()) {
      affected.is_linked = uses_nsec3_ && is_linked_non_terminal(key, affected);
      return;
    }
    const auto has = [&](RRType type) { return std::ranges::binary_search(types, type); };
    if (key != apex_key_ && has(RRType::NS)) affected.place = Place::delegation;
    if (signer_.policy().opt_out && affected.place == Place::delegation && !has(RRType::DS)) return;
    affected.is_linked = true;
    affected.types = bitmap(affected.place, types, signer_.policy().denial);
  }

  // Does a name without data, below no barrier, get an NSEC3 record?
  bool is_linked_non_terminal(std::string_view key, const Affected& affected) const {
    if (!mid_->exists(key)) return false;
    if (!signer_.policy().opt_out) return true;  // what is nearest below it has authority, or is a delegation
    if (affected.linked_below) return true;
    const bool was_non_terminal =
        data_types(before_.node(key)).empty() && before_.exists(key) && !is_occluded(before_, key);
    if (was_non_terminal && !affected.was_linked) return false;  // nothing came that would change it
    if (was_non_terminal && !affected.left_below) return true;
    return has_link_below(key);
  }

  // With opt-out: is there any name below `key` that is in the chain by itself?
  bool has_link_below(std::string_view key) const {
    auto cursor = mid_->seek(key);
    while (cursor.valid() && cursor.key().starts_with(key)) {
      const std::string at(cursor.key());
      const auto node = cursor.node();
      const bool delegation = node.has(RRType::NS);
      if (at != key && (!delegation || node.has(RRType::DS))) return true;
      if (delegation) {
        // Behind everything below: the key ends with 00, and what comes next has at least 01 there.
        auto behind = at;
        behind.back() = '\x01';
        cursor = mid_->seek(behind);
      } else {
        cursor.next();
      }
    }
    return false;
  }

  // The sets of one name, chain records aside.
  void change_sets(std::string_view key, const Affected& affected) {
    const auto old_node = before_.node(key);
    const auto new_node = mid_->node(key);
    std::set<RRType> types;
    for (auto type : data_types(old_node)) types.insert(type);
    for (auto type : data_types(new_node)) types.insert(type);
    for (auto type : types) {
      auto old_set = copy_of(old_node, type);
      auto new_set = copy_of(new_node, type);
      if (new_set && !is_signed(affected.place, type)) new_set->signatures.clear();
      change(std::move(old_set), std::move(new_set), is_signed(affected.place, type));
    }
  }

  // Notes a change unless there is none. Sets that shall be signed keep the signatures they have as far as
  // acceptable.
  void change(std::optional<RRset> old_set, std::optional<RRset> new_set, bool sign) {
    if (!old_set && !new_set) return;
    const bool renew = sign && new_set && !signer_.acceptable(*new_set, now_);
    if (!renew && old_set == new_set) return;
    const auto& any = new_set ? *new_set : *old_set;
    auto owner = any.owner;
    const auto type = any.type;
    if (renew) to_sign_.push_back(output_.changes.size());
    output_.changes.push_back({std::move(owner), type, std::move(old_set), std::move(new_set)});
  }

  Result<void> mend_chain() {
    ChainMender mender(before_, uses_nsec3_);
    for (auto& [key, affected] : affected_) {
      if (!affected.was_linked && !affected.is_linked) continue;
      ONOMA_TRY_VOID(
          mender.add(affected.link_key, affected.was_linked, affected.is_linked, std::move(affected.types)));
    }
    ONOMA_TRY(auto links, mender.finish());
    for (auto& link : links) {
      const auto type = uses_nsec3_ ? RRType::NSEC3 : RRType::NSEC;
      auto old_set = copy_of(uses_nsec3_ ? before_.nsec3_match(link.key) : before_.node(link.key), type);
      std::optional<RRset> new_set;
      if (link.present) {
        if (uses_nsec3_) {
          new_set = nsec3_set(link.key, link.next, signer_.apex(), signer_.policy().opt_out,
                              std::move(link.types), ttl_);
        } else {
          const auto node = mid_->node(link.key);
          const auto next = Name::from_sort_key(link.next);
          if (!node || !next)
            return fail(Code::corrupt, "the NSEC chain leads to a name that is not in the zone");
          new_set = nsec_set(Name(node->owner()), *next, link.types, ttl_);
        }
        if (old_set && old_set->same_data(*new_set)) new_set->signatures = old_set->signatures;
      }
      change(std::move(old_set), std::move(new_set), true);
    }
    return {};
  }

  Result<Diff> finish() {
    std::vector<RRset*> sets;
    sets.reserve(to_sign_.size());
    for (auto index : to_sign_) sets.push_back(&*output_.changes[index].after);
    ONOMA_TRY_VOID(signer_.sign(sets, now_));
    output_.sort();
    return std::move(output_);
  }

  const SetSigner& signer_;
  const Snapshot& before_;
  const Diff& input_;
  Time now_;
  std::string apex_key_;
  bool uses_nsec3_;
  zone::SnapshotPtr mid_;
  std::uint32_t ttl_ = 0;  // of the chain
  std::map<std::string, Affected, std::less<>> affected_;
  Diff output_;
  std::vector<std::size_t> to_sign_;  // indices of output_.changes whose `after` waits for signatures
};

}  // namespace

Result<Diff> sign_diff(const SetSigner& signer, const Snapshot& before, const Diff& unsigned_diff, Time now) {
  return Step(signer, before, unsigned_diff, now).run();
}

}  // namespace onoma::sign
