#include "sign/chain.h"

namespace onoma::sign {

namespace {
std::unexpected<Error> broken() {
  return fail(Code::corrupt,
              "the chain of NSEC or NSEC3 records of the current version is broken; sign the zone anew");
}
}  // namespace

Result<ChainMender::Record> ChainMender::read(const std::optional<zone::NodeView>& node) const {
  if (!node) return broken();
  const auto set = node->find(uses_nsec3_ ? RRType::NSEC3 : RRType::NSEC);
  if (!set || set->size() != 1) return broken();
  const auto rdata = set->rdatas().front();
  Record record;
  if (uses_nsec3_) {
    auto nsec3 = wire::Nsec3::read(rdata);
    record.key = hash_in_owner(node->owner());
    if (!nsec3 || nsec3->next_hash.size() != kHashOctets || record.key.empty()) return broken();
    record.next = std::string(as_text(nsec3->next_hash));
    record.types = std::move(nsec3->types);
    return record;
  }
  record.key = wire::sort_key(node->owner());
  std::uint8_t next[wire::kMaxNameOctets];
  std::size_t offset = 0;
  const auto size = wire::read_name(rdata, offset, next);
  if (!size) return broken();
  record.next = wire::sort_key(NameView::trusted({next, *size}));
  auto types = wire::read_type_bitmap(rdata.subspan(offset));
  if (!types) return broken();
  record.types = std::move(*types);
  return record;
}

Result<ChainMender::Record> ChainMender::at_or_before(std::string_view key) const {
  return read(uses_nsec3_ ? before_.nsec3_at_or_before(key) : before_.nsec_at_or_before(key));
}

Result<ChainMender::Record> ChainMender::strictly_before(std::string_view key) const {
  if (uses_nsec3_) {
    std::string lower(key);
    for (auto octet = lower.rbegin(); octet != lower.rend(); ++octet) {
      const bool borrow = *octet == '\0';
      *octet = static_cast<char>(static_cast<unsigned char>(*octet) - 1U);
      if (!borrow) break;
    }
    return at_or_before(lower);
  }
  const auto cursor = before_.seek_before(key);
  if (!cursor.valid())
    return broken();  // only the apex has nothing before it, and the apex never comes or goes
  return at_or_before(cursor.key());
}

Result<void> ChainMender::add(const std::string& key, bool was, bool is, std::vector<RRType> types) {
  if (was && is) {
    ONOMA_TRY(auto old, at_or_before(key));
    if (old.key != key) return broken();
    // Unchanged itself; if it gets another successor, that one's arrival or departure brings it in.
    if (old.types == types) return {};
  }
  auto& entry = entries_[key];
  entry.added = true;
  entry.was = was;
  entry.present = is;
  entry.rewrite = true;
  if (is) entry.types = std::move(types);
  return {};
}

Result<std::vector<ChainMender::Link>> ChainMender::finish() {
  std::vector<std::pair<std::string, bool>> added;  // key, came or went
  for (const auto& [key, entry] : entries_) added.emplace_back(key, entry.was != entry.present);
  for (const auto& [key, moved] : added) {
    ONOMA_TRY(const auto here, at_or_before(key));
    entries_.try_emplace(here.next);
    if (!moved) continue;
    ONOMA_TRY(const auto previous, strictly_before(key));
    auto& entry = entries_[previous.key];
    entry.rewrite = true;
    if (!entry.added) entry.types = previous.types;
  }

  std::vector<std::string> chain;
  for (const auto& [key, entry] : entries_)
    if (entry.present) chain.push_back(key);
  if (chain.empty() && !entries_.empty()) return broken();

  std::vector<Link> links;
  std::size_t index = 0;  // of the entry at hand in `chain`, when it is present
  for (auto& [key, entry] : entries_) {
    if (entry.present) ++index;
    if (!entry.rewrite) continue;
    if (!entry.present) {
      links.push_back({key, false, {}, {}});
      continue;
    }
    links.push_back({key, true, chain[index % chain.size()], std::move(*entry.types)});
  }
  return links;
}

}  // namespace onoma::sign
