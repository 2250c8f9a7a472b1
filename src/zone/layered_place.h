// LayeredPlace: a place in one of the two orders of a LayeredSnapshot, the two layers merged. Inside of the
// room `zone`.
#pragma once

#include "zone/layered_snapshot.h"

namespace onoma::zone {

class LayeredPlace {
 public:
  enum class Order : std::uint8_t { names, hashes };
  LayeredPlace(const LayeredSnapshot& zone, Order order) : zone_(zone), order_(order) {}

  void seek(std::string_view key);         // the first place at or behind the key
  void seek_before(std::string_view key);  // the last place before the key
  void seek_last();

  bool valid() const { return valid_; }
  std::string_view key() const;
  std::uint8_t flags() const;
  std::optional<NodeView> node(NodeScratch* scratch) const;  // nullopt: damaged
  void next();
  void prev();

 private:
  const Tree& tree() const { return order_ == Order::names ? zone_.names_ : zone_.nsec3_; }
  const Image& image() const { return *zone_.image_; }
  Image::Unit image_lower_bound(std::string_view key) const;
  Image::Unit image_before(std::string_view key) const;
  void load_unit(Image::Unit unit);
  void settle();  // forwards, to what both layers together show
  bool in_delta() const { return from_delta_; }

  const LayeredSnapshot& zone_;
  Order order_;
  bool valid_ = false, from_delta_ = false;
  Image::Unit unit_ = Image::kNone;
  std::array<std::uint8_t, wire::kMaxSortKeyOctets> key_octets_;
  std::size_t key_size_ = 0;  // of the image's key at unit_
  Tree::Place delta_;
};

}  // namespace onoma::zone
