#include "front/rest/rest_door.h"

#include "front/rest/door.h"

namespace onoma::front {

struct RestDoor::Inside {
  explicit Inside(RestServices services) : door(std::move(services)) {}
  Door door;
  std::string openapi;
};

RestDoor::RestDoor(RestServices services) : inside_(std::make_unique<Inside>(std::move(services))) {
  auto& door = inside_->door;
  add_object_routes(door);
  add_event_routes(door);
  add_zone_routes(door);
  add_lookup_routes(door);
  door.router.add({.method = "GET",
                   .path = "/v1/openapi.json",
                   .summary = "This description",
                   .handler = [inside = inside_.get()](Call call) { call.json(200, inside->openapi); }});
  inside_->openapi = door.router.openapi();
}

RestDoor::~RestDoor() = default;

HttpHandler RestDoor::handler() {
  return [&router = inside_->door.router](HttpRequest request, Respond respond) {
    router.handle(std::move(request), std::move(respond));
  };
}

const Router& RestDoor::router() const {
  return inside_->door.router;
}

}  // namespace onoma::front
