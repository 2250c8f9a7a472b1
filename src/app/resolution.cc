#include "app/resolution.h"

#include <algorithm>

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

// The first value of type URL that everybody may read: where a browser goes.
std::string redirect_of(const resolve::Resolution& resolution) {
  for (const auto& identifier : resolution.identifiers)
    for (const auto& value : identifier.values)
      if (value.type == "URL" && value.publicly_readable()) return std::string(as_text(value.data));
  return {};
}

bool is_gone(const resolve::Resolution& resolution) {
  return std::ranges::any_of(resolution.identifiers, [](const auto& id) { return id.status == "tombstone"; });
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
  return front::Resolved{.found = resolution.positive(),
                         .json = resolve::resolution_json(resolution),
                         .text = resolve::resolution_text(resolution, {.trace = request.trace}),
                         .redirect = redirect_of(resolution),
                         .gone = is_gone(resolution)};
}

}  // namespace onoma::app
