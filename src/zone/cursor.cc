#include "zone/cursor_place.h"
#include "zone/node.h"

namespace onoma::zone {

Cursor::Cursor(std::unique_ptr<Place> place) : place_(std::move(place)) {}
Cursor::Cursor(const Cursor& other) : place_(other.place_ ? other.place_->copy() : nullptr) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor other) noexcept {
  std::swap(place_, other.place_);
  return *this;
}
Cursor::~Cursor() = default;
bool Cursor::valid() const {
  return place_ && place_->valid();
}
NodeView Cursor::node() const {
  if (auto node = place_->node()) return *std::move(node);
  // A damaged image: an owner without RRsets, so that walks go on.
  static constexpr std::uint8_t kNothing[kNodeHeaderOctets + 1] = {0, 0, 1, 0, 0, 0, 0, kNodeHeaderOctets + 1,
                                                                   0};
  return NodeView(kNothing);
}
std::string_view Cursor::key() const {
  return place_->key();
}
void Cursor::next() {
  place_->next();
}
void Cursor::prev() {
  place_->prev();
}

}  // namespace onoma::zone
