#include "front/rest/services.h"

#include <algorithm>

namespace onoma::front {
namespace {

// Where a browser is sent: the public URL value with the lowest index.
std::string redirect_of(const resolve::Resolution& resolution) {
  for (const auto& identifier : resolution.identifiers)
    for (const auto& value : identifier.values) {
      const auto url = as_text(value.data);
      if (value.type == "URL" && value.publicly_readable() &&
          (url.starts_with("https://") || url.starts_with("http://")))
        return std::string(url);
    }
  return {};
}

bool is_gone(const resolve::Resolution& resolution) {
  return !resolution.identifiers.empty() && std::ranges::all_of(resolution.identifiers, [](const auto& one) {
    return one.status == "tombstone";
  });
}

}  // namespace

void RestServices::from_publisher(publish::Publisher& publisher) {
  zones = [&publisher] { return publisher.status(); };
  trace_of = [&publisher](const wire::Name& zone, std::uint64_t event) {
    return publisher.trace_of(zone, event);
  };
  wait_for = [&publisher](std::uint64_t seq, Duration timeout) { return publisher.wait_for(seq, timeout); };
}

Resolved to_resolved(const resolve::Resolution& resolution, bool trace) {
  Resolved out;
  out.found = resolution.positive() || !resolution.identifiers.empty();
  out.gone = is_gone(resolution);
  out.redirect = redirect_of(resolution);
  out.json = resolve::resolution_json(resolution);
  out.text = resolve::resolution_text(resolution, {.trace = trace});
  return out;
}

}  // namespace onoma::front
