#include "app/resolution.h"

#include "resolve/resolver.h"

namespace onoma::app {

namespace {

resolve::PublishTrace as_publish_trace(const publish::VersionTrace& trace) {
  return {.zone = trace.zone,
          .serial = trace.serial,
          .committed = trace.committed,
          .collected = trace.collected,
          .signed_at = trace.signed_at,
          .checked = trace.checked,
          .durable = trace.durable,
          .shown = trace.shown};
}

}  // namespace

struct Resolution::Inside {
  serve::ZoneTable& zones;
  publish::Publisher& publisher;
  std::optional<resolve::Resolver> resolver;

  zone::SnapshotPtr zone_for(wire::NameView name) const {
    for (auto labels = name.label_count() + 1; labels-- > 0;)
      if (auto snapshot = zones.snapshot(wire::Name(name.ancestor(labels)))) return snapshot;
    return nullptr;
  }
  std::optional<resolve::PublishTrace> trace(wire::NameView zone, std::uint64_t event) const {
    const auto found = publisher.trace_of(wire::Name(zone), event);
    if (!found) return std::nullopt;
    return as_publish_trace(*found);
  }
};

Resolution::Resolution(serve::ZoneTable& zones, model::ReaderSource& readers, publish::Publisher& publisher,
                       const Clock& clock)
    : inside_(new Inside{.zones = zones, .publisher = publisher, .resolver = std::nullopt}) {
  inside_->resolver.emplace(resolve::Sources{
      .zone_for = [inside = inside_.get()](wire::NameView name) { return inside->zone_for(name); },
      .registry = &readers,
      .clock = &clock,
      .publish_trace = [inside = inside_.get()](wire::NameView zone,
                                                std::uint64_t event) { return inside->trace(zone, event); }});
}

Resolution::~Resolution() = default;

Result<front::Resolved> Resolution::resolve(const front::ResolveRequest& request) {
  ONOMA_TRY(const auto resolution,
            inside_->resolver->resolve(request.text, {.scheme = request.scheme, .apex = {}}));
  return front::to_resolved(resolution, request.trace);
}

}  // namespace onoma::app
