#include "zone/layered_place.h"

namespace {

using namespace onoma;

// A key kept while the place that it came from moves.
class KeptKey {
 public:
  explicit KeptKey(std::string_view key) { *this = key; }
  KeptKey& operator=(std::string_view key) {
    size_ = key.size();
    std::memmove(octets_.data(), key.data(), size_);
    return *this;
  }
  std::string_view view() const { return {octets_.data(), size_}; }

 private:
  std::array<char, wire::kMaxSortKeyOctets> octets_;
  std::size_t size_ = 0;
};

}  // namespace

namespace onoma::zone {

Image::Unit LayeredPlace::image_lower_bound(std::string_view key) const {
  return order_ == Order::names ? image().lower_bound(key) : image().nsec3_lower_bound(key);
}

Image::Unit LayeredPlace::image_before(std::string_view key) const {
  return order_ == Order::names ? image().before(key) : image().nsec3_before(key);
}

void LayeredPlace::load_unit(Image::Unit unit) {
  unit_ = unit;
  key_size_ = 0;
  if (unit == Image::kNone) return;
  if (order_ == Order::names) {
    key_size_ = image().key(unit, key_octets_.data());
    // The root's key is empty; any other empty key tells of damage.
    if (key_size_ == 0 && !image().apex_key().empty()) unit_ = Image::kNone;
    return;
  }
  std::string_view hash;
  if (!image().hash_at(unit, hash)) {
    unit_ = Image::kNone;
    return;
  }
  std::memcpy(key_octets_.data(), hash.data(), 20);
  key_size_ = 20;
}

std::string_view LayeredPlace::key() const {
  return from_delta_ ? delta_.entry()->key() : as_text(ByteView(key_octets_).first(key_size_));
}

void LayeredPlace::settle() {
  for (;;) {
    const bool image_left = unit_ != Image::kNone, delta_left = delta_.valid();
    valid_ = image_left || delta_left;
    if (!valid_) return;
    const auto image_key = as_text(ByteView(key_octets_).first(key_size_));
    const int order = !image_left ? 1 : !delta_left ? -1 : image_key.compare(delta_.entry()->key());
    from_delta_ = order >= 0;
    if (from_delta_) {
      if ((delta_.entry()->flags() & (kNodeEmpty | kNodeGone)) == 0) return;
    } else {
      if (order_ == Order::hashes) return;
      Image::Head head;
      if (image().head(unit_, head) && !head.is_empty()) return;
    }
    if (order <= 0) load_unit(order_ == Order::names ? image().next(unit_) : image().nsec3_next(unit_));
    if (order >= 0) delta_.next();
  }
}

void LayeredPlace::seek(std::string_view key) {
  load_unit(image_lower_bound(key));
  delta_ = tree().lower_bound(key);
  settle();
}

void LayeredPlace::next() {
  const bool both = from_delta_ && unit_ != Image::kNone &&
                    as_text(ByteView(key_octets_).first(key_size_)) == delta_.entry()->key();
  if (!from_delta_ || both)
    load_unit(order_ == Order::names ? image().next(unit_) : image().nsec3_next(unit_));
  if (from_delta_) delta_.next();
  settle();
}

void LayeredPlace::seek_before(std::string_view key) {
  KeptKey bound(key);
  for (;;) {
    load_unit(image_before(bound.view()));
    delta_ = tree().before(bound.view());
    const bool image_left = unit_ != Image::kNone, delta_left = delta_.valid();
    valid_ = image_left || delta_left;
    if (!valid_) return;
    const auto image_key = as_text(ByteView(key_octets_).first(key_size_));
    from_delta_ = delta_left && (!image_left || delta_.entry()->key() >= image_key);
    const KeptKey found(this->key());
    if (found.view() >= bound.view()) {  // damaged: it must go backwards
      valid_ = false;
      return;
    }
    bool shown = true;
    if (from_delta_) {
      shown = (delta_.entry()->flags() & (kNodeEmpty | kNodeGone)) == 0;
    } else if (order_ == Order::names) {
      Image::Head head;
      shown = image().head(unit_, head) && !head.is_empty();
    }
    if (shown) return seek(found.view());  // where both layers stand as next() expects
    bound = found.view();
  }
}

void LayeredPlace::seek_last() {
  static constexpr auto kBehindAll = [] {
    std::array<char, wire::kMaxSortKeyOctets> octets;
    octets.fill('\xff');
    return octets;
  }();
  if (order_ == Order::names) return seek_before({kBehindAll.data(), kBehindAll.size()});
  // The largest hash of all is not before itself.
  const std::string_view largest(kBehindAll.data(), 20);
  seek(largest);
  if (!valid_) seek_before(largest);
}

void LayeredPlace::prev() {
  seek_before(KeptKey(key()).view());
}

std::uint8_t LayeredPlace::flags() const {
  if (from_delta_) return delta_.entry()->flags();
  if (order_ == Order::hashes) return 0;
  Image::Head head;
  if (!image().head(unit_, head)) return 0;
  std::uint8_t out = unit_ == Image::kApex ? kNodeApex : 0;
  if (head.bits & layout::kNs) out |= kNodeNs;
  if (head.bits & layout::kDname) out |= kNodeDname;
  if (head.bits & layout::kNsec) out |= kNodeNsec;
  return out;
}

std::optional<NodeView> LayeredPlace::node(NodeScratch* scratch) const {
  if (from_delta_) return delta_.entry()->node();
  return order_ == Order::names ? image().unfold(unit_, scratch) : image().nsec3_unfold(unit_, scratch);
}

}  // namespace onoma::zone
