#include "front/rest/zone_stream.h"

#include "wire/zonefile.h"

namespace onoma::front {
namespace {

using wire::RRType;

void put(std::string& out, zone::NameView owner, const zone::RRsetView& set) {
  for (auto data : set.rdatas()) out += wire::record_line(owner, set.ttl(), set.type(), data);
  for (auto data : set.signatures()) out += wire::record_line(owner, set.ttl(), RRType::RRSIG, data);
}

void put(std::string& out, const zone::NodeView& node, bool is_apex) {
  for (std::size_t i = 0, n = node.size(); i < n; ++i) {
    const auto set = node.at(i);
    if (!is_apex || set.type() != RRType::SOA) put(out, node.owner(), set);
  }
}

// The SOA, the names, the NSEC3 records: one name a step.
class Walk {
 public:
  explicit Walk(zone::SnapshotPtr snapshot) : snapshot_(std::move(snapshot)), at_(snapshot_->first()) {}

  bool operator()(std::string& piece) {
    if (!begun_) {
      begun_ = true;
      const auto& apex = snapshot_->apex();
      if (const auto soa = apex.find(RRType::SOA)) put(piece, apex.owner(), *soa);
      return true;
    }
    if (!at_.valid() && !hashed_) {
      hashed_ = true;
      at_ = snapshot_->nsec3_first();
    }
    if (!at_.valid()) return false;
    const auto node = at_.node();
    put(piece, node, !hashed_ && node.is_apex());
    at_.next();
    return true;
  }

 private:
  zone::SnapshotPtr snapshot_;
  zone::Cursor at_;
  bool begun_ = false, hashed_ = false;
};

}  // namespace

BodySource zone_source(zone::SnapshotPtr snapshot) {
  return Walk(std::move(snapshot));
}

}  // namespace onoma::front
