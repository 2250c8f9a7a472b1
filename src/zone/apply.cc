// TreeSnapshot: making versions, and keeping the facts in step with what changes.
#include <algorithm>
#include <deque>
#include <limits>

#include <fmt/format.h>

#include "base/encoding.h"
#include "wire/dnssec.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/tree_snapshot.h"

namespace onoma::zone {

namespace {

std::uint64_t addresses(NodeView node) {
  std::uint64_t count = 0;
  for (auto type : {RRType::A, RRType::AAAA})
    if (const auto set = node.find(type)) count += set->size();
  return count;
}

// Is any label "*"? Then "*" exists as a name there, or as an empty non-terminal.
bool has_star_label(std::string_view key) {
  using namespace std::string_view_literals;
  return key.starts_with("*\0"sv) || key.find("\0*\0"sv) != std::string_view::npos;
}

void shift(std::uint64_t& count, std::uint64_t by, bool up) {
  count = up ? count + by : count - by;
}

std::unexpected<Error> mismatch(const RRsetChange& change, std::string_view why) {
  return fail(Code::corrupt, fmt::format("the change of {} {} does not fit this version: {}",
                                         change.owner.text(), wire::type_text(change.type), why));
}

}  // namespace

std::optional<std::array<std::uint8_t, 20>> nsec3_owner_hash(NameView owner, NameView apex) {
  if (owner.is_root() || owner.first_label().size() != 32 || !wire::equal(owner.parent(), apex))
    return std::nullopt;
  const auto octets = from_base32hex(as_text(owner.first_label()));
  if (!octets || octets->size() != 20) return std::nullopt;
  std::array<std::uint8_t, 20> hash;
  std::ranges::copy(*octets, hash.begin());
  return hash;
}

Result<SnapshotPtr> TreeSnapshot::build(const Name& apex, std::vector<EntryPtr> names,
                                        std::vector<EntryPtr> nsec3) {
  std::shared_ptr<TreeSnapshot> made(new TreeSnapshot(apex));
  std::string_view cut;  // the topmost delegation at or above the name at hand
  bool under_cut = false;
  for (const auto& entry : names) {
    const auto node = entry->node();
    if (!under_cut || !entry->key().starts_with(cut)) {
      under_cut = node.is_delegation();
      cut = entry->key();
    }
    if (under_cut) made->facts_.glue_records += addresses(node);
    made->facts_.names += 1;
    made->star_names_ += has_star_label(entry->key());
    for (std::size_t i = 0, n = node.size(); i < n; ++i)
      made->account_set(node.owner(), encoded_set(node, i), true);
  }
  for (const auto& entry : nsec3) {
    const auto node = entry->node();
    for (std::size_t i = 0, n = node.size(); i < n; ++i)
      made->account_set(node.owner(), encoded_set(node, i), true);
  }
  made->names_.build(std::move(names));
  made->nsec3_.build(std::move(nsec3));
  if (!made->refresh_facts())
    return fail(Code::bad_request, fmt::format("the zone {} has no SOA record", apex.text()));
  return SnapshotPtr(std::move(made));
}

Result<SnapshotPtr> TreeSnapshot::apply(const Diff& diff) const {
  if (diff.apex != facts_.apex)
    return fail(Code::corrupt,
                fmt::format("a change of {} cannot be applied to {}", diff.apex.text(), facts_.apex.text()));
  auto next = std::make_shared<TreeSnapshot>(*this);
  const Changes changes(diff.changes);
  for (std::size_t begin = 0, end = 0; begin < changes.size(); begin = end) {
    // Changes of one owner are made in one go; NSEC3 sets lie elsewhere, each on its own.
    for (end = begin + 1; end < changes.size() && changes[begin].type != RRType::NSEC3; ++end)
      if (changes[end].type == RRType::NSEC3 || changes[end].owner != changes[begin].owner) break;
    ONOMA_TRY_VOID(next->change_owner(changes.subspan(begin, end - begin)));
  }
  if (!next->refresh_facts())
    return fail(Code::corrupt,
                fmt::format("the change would leave {} without an SOA record", diff.apex.text()));
  return SnapshotPtr(std::move(next));
}

Result<void> TreeSnapshot::change_owner(Changes changes) {
  const auto& owner = changes.front().owner;
  const bool in_nsec3 = changes.front().type == RRType::NSEC3;
  if (!owner.is_at_or_below(facts_.apex)) return mismatch(changes.front(), "the name is outside of the zone");
  std::string key;
  if (in_nsec3) {
    const auto hash = nsec3_owner_hash(owner, facts_.apex);
    if (!hash) return mismatch(changes.front(), "the owner of an NSEC3 record must be a hash below the apex");
    key = as_text(*hash);
  } else {
    key = wire::sort_key(owner);
  }
  auto& tree = in_nsec3 ? nsec3_ : names_;
  const auto* before = tree.find(key);

  std::vector<EncodedSet> sets;
  if (before)
    for (std::size_t i = 0, n = before->node().size(); i < n; ++i)
      sets.push_back(encoded_set(before->node(), i));
  std::deque<Bytes> storage;
  for (const auto& change : changes) {
    if (change.type == RRType::RRSIG) return mismatch(change, "signatures belong to the set that they cover");
    const auto at = std::ranges::lower_bound(sets, change.type, {}, &EncodedSet::type);
    const bool held = at != sets.end() && at->type == change.type;
    if (held != change.before.has_value())
      return mismatch(change, held ? "the set exists already" : "there is no such set");
    if (held && !same(*at, *change.before))
      return mismatch(change, "the set that it replaces is another one");
    if (held) account_set(owner, *at, false);
    if (!change.after) {
      if (held) sets.erase(at);
      continue;
    }
    if (change.after->type != change.type) return mismatch(change, "the new set is of another type");
    for (const auto& data : change.after->rdatas)
      if (!wire::rdata_valid(change.type, data))
        return mismatch(change, "record data without the form of their type");
    for (const auto& data : change.after->signatures)
      if (!wire::rdata_valid(RRType::RRSIG, data))
        return mismatch(change, "a signature without the form of one");
    ONOMA_TRY(const auto encoded, encode_set(*change.after, storage.emplace_back()));
    account_set(owner, encoded, true);
    if (held)
      *at = encoded;
    else
      sets.insert(at, encoded);
  }

  EntryPtr after;
  if (!sets.empty()) {
    const bool apex = !in_nsec3 && key == apex_key_;
    ONOMA_TRY(after, EntryPtr::make(key, before ? before->node().owner() : owner.view(), apex, sets));
  }
  if (!in_nsec3) account_names(key, before, after.get());
  if (after)
    tree.put(std::move(after));
  else if (before)
    tree.erase(key);
  return {};
}

void TreeSnapshot::account_names(std::string_view key, const Entry* before, const Entry* after) {
  const auto* any = before ? before : after;
  if (!any) return;
  if (!before || !after) {
    shift(facts_.names, 1, after != nullptr);
    if (has_star_label(key)) shift(star_names_, 1, after != nullptr);
  }
  const bool was_cut = before && before->node().is_delegation();
  const bool is_cut = after && after->node().is_delegation();
  const auto had = before ? addresses(before->node()) : 0;
  const auto has = after ? addresses(after->node()) : 0;
  if ((had == 0 && has == 0 && was_cut == is_cut)) return;
  if (below_cut(key)) {
    facts_.glue_records += has - had;
    return;
  }
  if (was_cut) facts_.glue_records -= had;
  if (is_cut) facts_.glue_records += has;
  // Below a name that becomes a delegation or ceases to be one, addresses change what they are.
  if (was_cut != is_cut) shift(facts_.glue_records, glue_below(key), is_cut);
}

bool TreeSnapshot::below_cut(std::string_view key) const {
  for (auto end = apex_key_.size(); end < key.size();) {
    end = key.find('\0', end) + 1;
    if (end >= key.size()) break;
    const auto* entry = names_.find(key.substr(0, end));
    if (entry && entry->node().is_delegation()) return true;
  }
  return false;
}

std::uint64_t TreeSnapshot::glue_below(std::string_view key) const {
  std::uint64_t count = 0;
  std::string_view cut;  // a delegation below the key: its addresses are glue either way
  for (auto place = names_.lower_bound(key); place.valid(); place.next()) {
    const auto* entry = place.entry();
    if (!entry->key().starts_with(key)) break;
    if (entry->key() == key || (!cut.empty() && entry->key().starts_with(cut))) continue;
    if (entry->node().is_delegation())
      cut = entry->key();
    else
      count += addresses(entry->node());
  }
  return count;
}

void TreeSnapshot::account_set(NameView owner, const EncodedSet& set, bool added) {
  if (!wire::is_made_by_signer(set.type)) {
    shift(facts_.rrsets, 1, added);
    shift(facts_.records, set.count, added);
  }
  if (set.type == RRType::NS && !wire::equal(owner, facts_.apex)) shift(facts_.delegations, 1, added);
  if (set.type == RRType::DS) shift(facts_.ds_sets, 1, added);
  if (set.type == RRType::NSEC) shift(nsec_sets_, 1, added);
  shift(facts_.signatures, set.signature_count, added);
  if (added) {
    for (auto signature : signature_range(set)) {
      if (signature.size() < 18) continue;
      const auto expiration = load_u32(&signature[8]);
      if (facts_.earliest_expiry == 0 || expiration < facts_.earliest_expiry)
        facts_.earliest_expiry = expiration;
    }
  }
  if (auto* digest = digest_.known()) digest_set(*digest, owner, set, added);
}

bool TreeSnapshot::refresh_facts() {
  apex_ = names_.find(apex_key_);
  if (!apex_) return false;
  const auto node = apex_->node();
  const auto soa = node.find(RRType::SOA);
  if (!soa || soa->rdatas().front().size() < 22) return false;
  const auto data = soa->rdatas().front();
  facts_.serial = load_u32(data.data() + data.size() - 20);
  facts_.negative_ttl_s = std::min(soa->ttl(), load_u32(data.data() + data.size() - 4));
  facts_.denial = Denial::none;
  facts_.nsec3_iterations = 0;
  facts_.nsec3_salt.clear();
  if (node.has(RRType::NSEC) && node.has(RRType::DNSKEY)) facts_.denial = Denial::nsec;
  if (const auto params = node.find(RRType::NSEC3PARAM)) {
    for (auto octets : params->rdatas()) {
      const auto param = wire::Nsec3param::read(octets);
      if (!param || param->flags != 0 || param->hash_algorithm != 1) continue;
      facts_.denial = Denial::nsec3;
      facts_.nsec3_iterations = param->iterations;
      facts_.nsec3_salt = param->salt;
      break;
    }
  }
  if (facts_.signatures == 0) facts_.earliest_expiry = 0;
  return true;
}

}  // namespace onoma::zone
