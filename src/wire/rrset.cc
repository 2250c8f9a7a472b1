#include "wire/rrset.h"

#include <algorithm>

#include "wire/rdata.h"

namespace onoma::wire {
namespace {

void sort_unique(RRType type, std::vector<Bytes>& data) {
  if (data.size() < 2) return;
  const auto less = [type](const Bytes& a, const Bytes& b) { return canonical_less(type, a, b); };
  std::stable_sort(data.begin(), data.end(), less);
  data.erase(std::unique(data.begin(), data.end(),
                         [&](const Bytes& a, const Bytes& b) { return !less(a, b) && !less(b, a); }),
             data.end());
}

}  // namespace

void RRset::normalise() {
  sort_unique(type, rdatas);
  sort_unique(RRType::RRSIG, signatures);
}

bool RRset::same_data(const RRset& other) const {
  return type == other.type && ttl == other.ttl && owner == other.owner && rdatas == other.rdatas;
}

bool RRset::operator==(const RRset& other) const {
  return same_data(other) && signatures == other.signatures;
}

}  // namespace onoma::wire
