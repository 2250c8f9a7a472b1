#include "serve/prove.h"

#include <array>
#include <cstring>

#include "serve/resolve.h"
#include "zone/denial.h"

namespace onoma::serve {

namespace {

// "*" in front of a name, in place. Too long a name has no wildcard below it.
class Wildcard {
 public:
  explicit Wildcard(wire::NameView parent) {
    const auto octets = parent.wire();
    if (octets.size() + 2 > octets_.size()) return;
    octets_[0] = 1;
    octets_[1] = '*';
    std::memcpy(&octets_[2], octets.data(), octets.size());
    size_ = octets.size() + 2;
  }
  explicit operator bool() const { return size_ != 0; }
  wire::NameView name() const { return wire::NameView::trusted(ByteView(octets_).first(size_)); }

 private:
  std::array<std::uint8_t, wire::kMaxNameOctets> octets_;
  std::size_t size_ = 0;
};

}  // namespace

void Prover::no_data(wire::NameView name) {
  if (denial_ == zone::Denial::nsec) return add_nsec(name);
  if (denial_ != zone::Denial::nsec3 || add_nsec3_match(name)) return;
  // Opt-out: neither insecure delegations nor empty non-terminals above them alone have records.
  const auto labels = name.label_count();
  if (labels > zone_.facts().apex.label_count()) add_encloser_proof(name, labels - 1);
}

void Prover::no_closer(wire::NameView name, std::size_t encloser_labels) {
  if (denial_ == zone::Denial::nsec) return add_nsec(name);
  if (denial_ == zone::Denial::nsec3) add_nsec3_cover(zone::next_closer(name, encloser_labels));
}

void Prover::wildcard_no_data(wire::NameView name, std::size_t encloser_labels) {
  const Wildcard wildcard(name.ancestor(encloser_labels));
  if (denial_ == zone::Denial::nsec) {
    if (wildcard) add_nsec(wildcard.name());
    return add_nsec(name);
  }
  if (denial_ != zone::Denial::nsec3) return;
  add_encloser_proof(name, encloser_labels);
  if (wildcard) add_nsec3_match(wildcard.name());
}

void Prover::no_name(wire::NameView name, std::size_t encloser_labels) {
  if (denial_ == zone::Denial::nsec) {
    add_nsec(name);
    if (const Wildcard wildcard(name.ancestor(encloser_labels)); wildcard) add_nsec(wildcard.name());
    return;
  }
  if (denial_ != zone::Denial::nsec3) return;
  const auto proved = add_encloser_proof(name, encloser_labels);
  const Wildcard wildcard(name.ancestor(proved));
  if (!wildcard) return;
  // Above an encloser that opt-out left without a record there may be a wildcard, which does not apply to the
  // name and whose absence cannot be proved: its record goes out instead, and the answer stays what it is.
  if (proved != encloser_labels && add_nsec3_match(wildcard.name())) return;
  add_nsec3_cover(wildcard.name());
}

void Prover::add_nsec(wire::NameView name) {
  std::array<std::uint8_t, wire::kMaxSortKeyOctets> key;
  const auto size = wire::write_sort_key(name, key.data());
  add(zone_.nsec_at_or_before(as_text(ByteView(key).first(size)), &scratch_), wire::RRType::NSEC);
}

bool Prover::add_nsec3_match(wire::NameView name) {
  const auto node = zone_.nsec3_match(zone::nsec3_hash(name, zone_.facts()).view(), &scratch_);
  add(node, wire::RRType::NSEC3);
  return node.has_value();
}

void Prover::add_nsec3_cover(wire::NameView name) {
  const auto hash = zone::nsec3_hash(name, zone_.facts());
  const auto node = zone_.nsec3_at_or_before(hash.view(), &scratch_);
  const auto held = node ? zone::nsec3_hash_of(node->owner()) : std::nullopt;
  collided_ |= held && held->view() == hash.view();
  add(node, wire::RRType::NSEC3);
}

std::size_t Prover::add_encloser_proof(wire::NameView name, std::size_t encloser_labels) {
  const auto apex_labels = zone_.facts().apex.label_count();
  auto labels = encloser_labels;
  while (!add_nsec3_match(name.ancestor(labels)) && labels > apex_labels) --labels;
  add_nsec3_cover(zone::next_closer(name, labels));
  return labels;
}

void Prover::add(const Found& node, wire::RRType type) {
  if (!node) return;
  if (const auto set = node->find(type)) plan_.add_authority(item_of(node->owner(), *set));
}

}  // namespace onoma::serve
