// What a person decides about versions that wait: carried to the zone's queue, and back.
#include <future>

#include <fmt/format.h>

#include "publish/publisher_state.h"

namespace onoma::publish {
namespace {

// Calls `work` with the zone's sequencer on its queue, and waits for it.
template <class T, class Lanes, class Work>
Result<T> on_queue(const Name& zone, const Lanes& lanes, Work work) {
  for (const auto& lane : lanes) {
    if (!(lane->zone == zone)) continue;
    std::promise<Result<T>> promise;
    auto future = promise.get_future();
    const bool posted = lane->queue.post([&promise, &work, lane = lane.get()] {
      if (lane->retired.load() || !lane->sequencer || !lane->sequencer->current())
        promise.set_value(fail(Code::unavailable, fmt::format("zone {} is not loaded", lane->zone.text())));
      else
        promise.set_value(work(*lane));
    });
    if (!posted) break;
    return future.get();
  }
  return fail(Code::not_found, fmt::format("zone {} is not published here", zone.text()));
}

}  // namespace

Result<VersionTrace> Publisher::approve(const Name& zone, std::uint32_t serial, const Decision& by) {
  return on_queue<VersionTrace>(zone, state_->all_lanes(), [&](Lane& lane) {
    auto done = lane.sequencer->approve(serial, by);
    if (done) state_->remember({*done});
    lane.publish_status();
    state_->post(lane.shared_from_this());  // what waited behind it
    return done;
  });
}

Result<void> Publisher::reject(const Name& zone, std::uint32_t serial, const Decision& by) {
  return on_queue<void>(zone, state_->all_lanes(), [&](Lane& lane) {
    auto done = lane.sequencer->reject(serial, by);
    lane.publish_status();
    state_->post(lane.shared_from_this());
    return done;
  });
}

Result<VersionTrace> Publisher::roll_back(const Name& zone, std::uint32_t to, const Decision& by) {
  return on_queue<VersionTrace>(zone, state_->all_lanes(), [&](Lane& lane) {
    auto done = lane.sequencer->roll_back(to, by);
    if (done) state_->remember({*done});
    lane.publish_status();
    return done;
  });
}

Result<void> Publisher::announce(const Name& zone, zone::Announcement announcement) {
  return on_queue<void>(zone, state_->all_lanes(), [&](Lane& lane) -> Result<void> {
    lane.sequencer->announce(announcement);
    return {};
  });
}

}  // namespace onoma::publish
