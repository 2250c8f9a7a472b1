// What a Cursor stands on: a place in an order of one kind of Snapshot. Inside of the room `zone`.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "zone/snapshot.h"

namespace onoma::zone {

struct Cursor::Place {
  Place() = default;
  Place& operator=(const Place&) = delete;
  virtual ~Place() = default;
  virtual std::unique_ptr<Place> copy() const = 0;
  virtual bool valid() const = 0;
  virtual std::optional<NodeView> node() const = 0;  // nullopt: damaged
  virtual std::string_view key() const = 0;
  virtual void next() = 0;
  virtual void prev() = 0;

 protected:
  Place(const Place&) = default;
};

template <class At>
Cursor cursor_at(const At& at) {
  struct Here final : Cursor::Place {
    explicit Here(const At& place) : at(place) {}
    std::unique_ptr<Place> copy() const override { return std::make_unique<Here>(*this); }
    bool valid() const override { return at.valid(); }
    std::optional<NodeView> node() const override { return at.node(nullptr); }
    std::string_view key() const override { return at.key(); }
    void next() override { at.next(); }
    void prev() override { at.prev(); }
    At at;
  };
  return Cursor(std::make_unique<Here>(at));
}

}  // namespace onoma::zone
