#include "sign/full.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/check.h"
#include "sign/rules.h"
#include "sign/zone_digest.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::sign {

namespace {

constexpr std::size_t kHashGrain = 1024;

struct Item {
  std::string key;
  RRset set;
  Place place = Place::authoritative;
};

// A name that gets an NSEC or NSEC3 record.
struct Link {
  std::string key;  // sort key
  Name owner;
  std::vector<RRType> types;
  std::string hash;  // NSEC3 only
};

class FullSigning {
 public:
  FullSigning(const SetSigner& signer, Time now, const zone::Snapshot* reuse)
      : signer_(signer), now_(now), reuse_(reuse), apex_key_(wire::sort_key(signer.apex())) {}

  Result<std::vector<RRset>> run(std::vector<RRset> content) {
    ONOMA_TRY_VOID(take(std::move(content)));
    ONOMA_TRY(const auto* soa, find_soa());
    ONOMA_TRY(const auto ttl, negative_ttl(soa->ttl, soa->rdatas[0]));
    if (signer_.policy().zonemd) insert_zonemd(wire::soa_serial(soa->rdatas[0]), soa->ttl);
    content_items_ = items_.size();
    walk();
    if (denial() == zone::Denial::nsec) {
      chain_nsec(ttl);
    } else {
      ONOMA_TRY_VOID(chain_nsec3(ttl));
    }
    ONOMA_TRY_VOID(sign());
    ONOMA_TRY_VOID(complete_zonemd());
    return finish();
  }

 private:
  zone::Denial denial() const { return signer_.policy().denial; }

  Result<void> take(std::vector<RRset> content) {
    std::erase_if(content, [](const RRset& set) { return is_signers(set.type); });
    std::ranges::move(signer_.apex_sets(), std::back_inserter(content));
    items_.reserve(content.size());
    for (auto& set : content) {
      if (!set.owner.is_at_or_below(signer_.apex()))
        return fail(Code::bad_request, fmt::format("{} {} is not in the zone {}", set.owner.text(),
                                                   wire::type_text(set.type), signer_.apex().text()));
      set.signatures.clear();
      auto key = wire::sort_key(set.owner);
      items_.push_back({std::move(key), std::move(set)});
    }
    std::ranges::stable_sort(items_, [](const Item& a, const Item& b) {
      const int order = a.key.compare(b.key);
      return order != 0 ? order < 0 : a.set.type < b.set.type;
    });
    merge();
    return {};
  }

  // One set per owner and type, as zone::SnapshotBuilder makes it: data united, the smaller TTL kept.
  void merge() {
    std::size_t last = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (i > 0 && items_[last].key == items_[i].key && items_[last].set.type == items_[i].set.type) {
        auto& into = items_[last].set;
        std::ranges::move(items_[i].set.rdatas, std::back_inserter(into.rdatas));
        into.ttl = std::min(into.ttl, items_[i].set.ttl);
        continue;
      }
      if (i > 0) ++last;
      if (last != i) items_[last] = std::move(items_[i]);
    }
    if (!items_.empty()) items_.resize(last + 1);
    for (auto& item : items_)
      if (item.set.rdatas.size() > 1) item.set.normalise();
  }

  Result<const RRset*> find_soa() const {
    for (const auto& item : items_) {
      if (item.key != apex_key_) break;  // the apex sorts first
      if (item.set.type != RRType::SOA) continue;
      if (item.set.rdatas.size() != 1) break;
      return &item.set;
    }
    return fail(Code::bad_request,
                fmt::format("the zone needs exactly one SOA record at {}; add it or remove the others",
                            signer_.apex().text()));
  }

  // A placeholder in its place in the order.
  void insert_zonemd(std::uint32_t serial, std::uint32_t ttl) {
    const auto at = std::ranges::find_if(
        items_, [&](const Item& item) { return item.key != apex_key_ || item.set.type > RRType::ZONEMD; });
    items_.insert(at, {apex_key_, zonemd_set(signer_.apex(), serial, ttl, *signer_.policy().zonemd)});
  }

  // Gives every item its place and collects the links. Names below a barrier follow it directly in sort
  // order.
  void walk() {
    std::string barrier;
    bool behind = false;
    for (std::size_t i = 0; i < items_.size();) {
      const auto& key = items_[i].key;
      std::size_t end = i;
      while (end < items_.size() && items_[end].key == key) ++end;
      std::vector<RRType> types;
      for (std::size_t j = i; j < end; ++j) types.push_back(items_[j].set.type);
      const auto has = [&](RRType type) { return std::ranges::binary_search(types, type); };
      const bool is_apex = key == apex_key_;

      behind = behind && key_is_below(key, barrier);
      auto place = Place::authoritative;
      if (behind) {
        place = Place::occluded;
      } else {
        if (!is_apex && has(RRType::NS)) place = Place::delegation;
        if (is_barrier(is_apex, has)) {
          behind = true;
          barrier = key;
        }
        const bool opted_out = signer_.policy().opt_out && place == Place::delegation && !has(RRType::DS);
        if (!opted_out) add_link(key, items_[i].set.owner, bitmap(place, types, denial()));
      }
      for (std::size_t j = i; j < end; ++j) items_[j].place = place;
      i = end;
    }
  }

  void add_link(const std::string& key, NameView owner, std::vector<RRType> types) {
    if (denial() == zone::Denial::nsec3 && !links_.empty()) {
      // Ancestors shared with the link before are links already; the others are empty non-terminals.
      const std::string before = links_.back().key;
      for_each_ancestor(key, apex_key_.size() + 1, [&](std::string_view ancestor) {
        if (before.starts_with(ancestor)) return;
        const auto labels = wire::key_label_count(ancestor);
        links_.push_back({std::string(ancestor), Name(owner.ancestor(labels)), {}, {}});
      });
    }
    links_.push_back({key, Name(owner), std::move(types), {}});
  }

  void chain_nsec(std::uint32_t ttl) {
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const auto& next = links_[(i + 1) % links_.size()];
      items_.push_back({links_[i].key, nsec_set(links_[i].owner, next.owner.lower(), links_[i].types, ttl)});
    }
  }

  Result<void> chain_nsec3(std::uint32_t ttl) {
    signer_.parallel(links_.size(), kHashGrain,
                     [&](std::size_t i) { links_[i].hash = nsec3_hash(links_[i].owner); });
    std::ranges::sort(links_, {}, &Link::hash);
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const auto& next = links_[(i + 1) % links_.size()];
      if (links_.size() > 1 && next.hash == links_[i].hash)
        return fail(Code::internal, fmt::format("{} and {} have the same NSEC3 hash; use NSEC",
                                                links_[i].owner.text(), next.owner.text()));
      items_.push_back(
          {links_[i].hash, nsec3_set(links_[i].hash, next.hash, signer_.apex(), signer_.policy().opt_out,
                                     std::move(links_[i].types), ttl)});
    }
    return {};
  }

  // True when the set could take its signatures from the older version.
  bool take_signatures(Item& item) const {
    const auto node = item.set.type == RRType::NSEC3 ? reuse_->nsec3_match(item.key) : reuse_->node(item.key);
    if (!node) return false;
    const auto old = node->find(item.set.type);
    if (!old || !signer_.acceptable(old->type(), old->ttl(), old->signatures(), now_)) return false;
    auto copy = old->copy(item.set.owner);
    if (!copy.same_data(item.set)) return false;
    item.set.signatures = std::move(copy.signatures);
    return true;
  }

  Result<void> sign() {
    std::vector<RRset*> unsigned_sets;
    unsigned_sets.reserve(items_.size());
    for (auto& item : items_) {
      if (!is_signed(item.place, item.set.type)) continue;
      if (reuse_ != nullptr && take_signatures(item)) continue;
      unsigned_sets.push_back(&item.set);
    }
    return signer_.sign(unsigned_sets, now_);
  }

  // The digest over all sets, put into the placeholder, which is signed anew.
  Result<void> complete_zonemd() {
    const auto hash = signer_.policy().zonemd;
    if (!hash) return {};
    std::vector<const RRset*> order(items_.size());
    std::ranges::transform(items_, order.begin(), [](const Item& item) { return &item.set; });
    // Contents and the chain are each in order already.
    std::ranges::inplace_merge(order, order.begin() + static_cast<std::ptrdiff_t>(content_items_), before);
    ZoneDigest digest(signer_.apex(), *hash);
    RRset* own = nullptr;
    for (std::size_t i = 0; i < content_items_ && items_[i].key == apex_key_; ++i)
      if (items_[i].set.type == RRType::ZONEMD) own = &items_[i].set;
    CHECK(own != nullptr);
    for (const auto* set : order) digest.add(set->owner, set->type, set->ttl, set->rdatas, set->signatures);
    *own = zonemd_set(signer_.apex(), load_u32(own->rdatas[0].data()), own->ttl, *hash, digest.finish());
    return signer_.sign({&own, 1}, now_);
  }

  static bool before(const RRset* a, const RRset* b) {
    const auto order = wire::canonical_compare(a->owner, b->owner);
    return order != 0 ? order < 0 : a->type < b->type;
  }

  std::vector<RRset> finish() {
    std::vector<RRset> out;
    out.reserve(items_.size());
    for (auto& item : items_) out.push_back(std::move(item.set));
    return out;
  }

  const SetSigner& signer_;
  Time now_;
  const zone::Snapshot* reuse_;
  std::string apex_key_;
  std::vector<Item> items_;  // the content in canonical order, then the chain in its own
  std::size_t content_items_ = 0;
  std::vector<Link> links_;
};

}  // namespace

Result<std::vector<RRset>> sign_full(const SetSigner& signer, std::vector<RRset> content, Time now,
                                     const zone::Snapshot* reuse) {
  return FullSigning(signer, now, reuse).run(std::move(content));
}

std::vector<RRset> content_of(const zone::Snapshot& snapshot) {
  std::vector<RRset> content;
  for (auto cursor = snapshot.first(); cursor.valid(); cursor.next()) {
    const auto node = cursor.node();
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto set = node.at(i);
      if (is_signers(set.type())) continue;
      content.push_back(set.copy(node.owner()));
      content.back().signatures.clear();
    }
  }
  return content;
}

}  // namespace onoma::sign
