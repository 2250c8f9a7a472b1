#include "zone/node.h"

#include <new>

#include <fmt/format.h>

#include "base/check.h"

namespace onoma::zone {

namespace {

constexpr std::size_t kMaxRunOctets = 0x7fffffff;

Result<std::uint16_t> put_run(const RRset& set, const std::vector<Bytes>& items, Bytes& storage) {
  if (items.size() > 0xffff)
    return fail(Code::too_large, fmt::format("{} has {} records of one type; at most 65535 fit into a zone",
                                             set.owner.text(), items.size()));
  ByteWriter writer(storage);
  for (const auto& item : items) {
    if (item.size() > 0xffff || storage.size() > kMaxRunOctets)
      return fail(Code::too_large,
                  fmt::format("record data of {} are larger than a zone holds", set.owner.text()));
    writer.u16(static_cast<std::uint16_t>(item.size()));
    writer.bytes(item);
  }
  return static_cast<std::uint16_t>(items.size());
}

bool same_run(const DataRange& held, const std::vector<Bytes>& items) {
  if (held.size() != items.size()) return false;
  auto at = items.begin();
  for (auto data : held)
    if (!equal(data, *at++)) return false;
  return true;
}

}  // namespace

EncodedSet encoded_set(const NodeView& node, std::size_t index) {
  const auto* base = node.encoded();
  const auto* row = base + kNodeHeaderOctets + index * kNodeSetOctets;
  EncodedSet set;
  set.type = static_cast<RRType>(load_u16(row));
  set.count = load_u16(row + 2);
  set.signature_count = load_u16(row + 4);
  set.ttl = load_u32(row + 8);
  const auto begin = load_u32(row + 12), middle = load_u32(row + 16), end = load_u32(row + 20);
  set.data = {base + begin, middle - begin};
  set.signatures = {base + middle, end - middle};
  return set;
}

Result<EncodedSet> encode_set(const RRset& set, Bytes& storage) {
  if (set.rdatas.empty())
    return fail(Code::corrupt, fmt::format("an RRset of {} without records", set.owner.text()));
  storage.clear();
  EncodedSet out;
  out.type = set.type;
  out.ttl = set.ttl;
  ONOMA_TRY(out.count, put_run(set, set.rdatas, storage));
  const auto middle = storage.size();
  ONOMA_TRY(out.signature_count, put_run(set, set.signatures, storage));
  out.data = ByteView(storage).first(middle);
  out.signatures = ByteView(storage).subspan(middle);
  return out;
}

bool same(const EncodedSet& held, const RRset& set) {
  return held.type == set.type && held.ttl == set.ttl && same_run(data_range(held), set.rdatas) &&
         same_run(signature_range(held), set.signatures);
}

std::uint64_t encoded_octets(NameView owner, std::span<const EncodedSet> sets) {
  std::uint64_t size = kNodeHeaderOctets + sets.size() * kNodeSetOctets + owner.size();
  for (const auto& set : sets) size += set.data.size() + set.signatures.size();
  return size;
}

void encode_node(std::uint8_t* out, NameView owner, std::uint8_t flags, std::span<const EncodedSet> sets) {
  auto* row = out + kNodeHeaderOctets;
  auto at = kNodeHeaderOctets + sets.size() * kNodeSetOctets + owner.size();
  const auto put = [&](ByteView run) {
    if (!run.empty()) std::memcpy(out + at, run.data(), run.size());
    at += run.size();
  };
  for (const auto& set : sets) {
    if (set.type == RRType::NS) flags |= kNodeNs;
    if (set.type == RRType::DNAME) flags |= kNodeDname;
    if (set.type == RRType::NSEC) flags |= kNodeNsec;
    store_u16(row, wire::number(set.type));
    store_u16(row + 2, set.count);
    store_u16(row + 4, set.signature_count);
    store_u16(row + 6, 0);
    store_u32(row + 8, set.ttl);
    store_u32(row + 12, static_cast<std::uint32_t>(at));
    put(set.data);
    store_u32(row + 16, static_cast<std::uint32_t>(at));
    put(set.signatures);
    store_u32(row + 20, static_cast<std::uint32_t>(at));
    row += kNodeSetOctets;
  }
  store_u16(out, static_cast<std::uint16_t>(sets.size()));
  out[2] = static_cast<std::uint8_t>(owner.size());
  out[3] = flags;
  store_u32(out + 4, static_cast<std::uint32_t>(at));
  std::memcpy(row, owner.wire().data(), owner.size());
}

EntryPtr EntryPtr::make_blank(std::string_view key, std::size_t node_octets, std::uint8_t*& node) {
  CHECK(key.size() <= wire::kMaxSortKeyOctets);
  auto* memory = static_cast<std::uint8_t*>(::operator new(sizeof(Entry) + key.size() + node_octets));
  auto* entry = new (memory) Entry();
  entry->key_size_ = static_cast<std::uint16_t>(key.size());
  node = memory + sizeof(Entry);
  if (!key.empty()) std::memcpy(node, key.data(), key.size());
  node += key.size();
  EntryPtr out;
  out.entry_ = entry;
  return out;
}

Result<EntryPtr> EntryPtr::make(std::string_view key, NameView owner, std::uint8_t flags,
                                std::span<const EncodedSet> sets) {
  const auto size = encoded_octets(owner, sets);
  if (size > 0xffffffffU || sets.size() > 0xffff)
    return fail(Code::too_large,
                fmt::format("{} has more data than a zone holds for one name", owner.text()));
  std::uint8_t* node = nullptr;
  auto out = make_blank(key, size, node);
  encode_node(node, owner, flags, sets);
  return out;
}

void NodeHold::retain(const Entry* entry) {
  EntryPtr::retain(entry);
}
void NodeHold::release(const Entry* entry) {
  EntryPtr::release(entry);
}

void EntryPtr::destroy(const Entry* entry) {
  entry->~Entry();
  ::operator delete(const_cast<void*>(static_cast<const void*>(entry)));
}

NameView NodeView::owner() const {
  return NameView::trusted(
      ByteView(encoded_ + kNodeHeaderOctets + size() * kNodeSetOctets, std::size_t{encoded_[2]}));
}

std::size_t NodeView::size() const {
  return load_u16(encoded_);
}

RRsetView NodeView::at(std::size_t index) const {
  const auto set = encoded_set(*this, index);
  RRsetView view;
  view.type_ = set.type;
  view.ttl_ = set.ttl;
  view.rdatas_ = data_range(set);
  view.signatures_ = signature_range(set);
  view.hold_ = hold_;
  return view;
}

std::optional<RRsetView> NodeView::find(RRType type) const {
  const auto wanted = wire::number(type);
  const auto* row = encoded_ + kNodeHeaderOctets;
  for (std::size_t i = 0, n = size(); i < n; ++i, row += kNodeSetOctets) {
    const auto held = load_u16(row);
    if (held == wanted) return at(i);
    if (held > wanted) break;
  }
  return std::nullopt;
}

bool NodeView::has(RRType type) const {
  const auto wanted = wire::number(type);
  const auto* row = encoded_ + kNodeHeaderOctets;
  for (std::size_t i = 0, n = size(); i < n; ++i, row += kNodeSetOctets)
    if (load_u16(row) == wanted) return true;
  return false;
}

bool NodeView::is_apex() const {
  return (encoded_[3] & kNodeApex) != 0;
}

bool NodeView::is_delegation() const {
  return (encoded_[3] & (kNodeApex | kNodeNs)) == kNodeNs;
}

RRset RRsetView::copy(NameView owner) const {
  RRset set;
  set.owner = owner;
  set.type = type_;
  set.ttl = ttl_;
  set.rdatas.reserve(rdatas_.size());
  for (auto data : rdatas_) set.rdatas.emplace_back(data.begin(), data.end());
  set.signatures.reserve(signatures_.size());
  for (auto data : signatures_) set.signatures.emplace_back(data.begin(), data.end());
  return set;
}

}  // namespace onoma::zone
