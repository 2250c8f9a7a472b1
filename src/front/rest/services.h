// RestServices: what the REST door needs of the rest of the program, and nothing more, so that it runs in a
// test with fakes. Every function may be called from any thread of the door and must not block for long; they
// and what they use must outlive the door.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "model/ports.h"
#include "publish/publisher.h"
#include "resolve/resolver.h"

namespace onoma::front {

// An identifier or name, looked up: what GET /r/… shows in each of its forms.
struct Resolved {
  bool found = false;
  std::string json;      // the whole resolution, one JSON object; of a negative answer too
  std::string text;      // the same for people
  std::string redirect;  // an http(s) URL to send a browser to, or empty
  bool gone = false;     // the identifier was retired (410)
};
struct ResolveRequest {
  std::string text;    // the identifier
  std::string scheme;  // empty: detected
  bool trace = false;
};

struct RestServices {
  model::CommandPort& commands;
  model::Authenticator& authenticator;
  model::ReaderSource& readers;
  const Clock& clock;
  Rng& rng;  // thread-safe

  // Zones and where events became visible; from_publisher() fills them in.
  std::function<std::vector<publish::ZoneStatus>()> zones;
  std::function<std::optional<publish::VersionTrace>(const wire::Name& zone, std::uint64_t event)> trace_of;
  std::function<bool(std::uint64_t seq, Duration timeout)> wait_for;  // blocks; called on a thread of its own

  // The clear fields of a contact; the door has checked that the caller may see them.
  std::function<Result<model::ContactFields>(std::string_view id)> contact_fields;
  // Looks an identifier up. Errors: those of reading it, ambiguous among them. Not found is Resolved::found
  // false.
  std::function<Result<Resolved>(const ResolveRequest&)> resolve;
  std::function<std::string()> status_json;  // one JSON object

  void from_publisher(publish::Publisher& publisher);
};

// A resolution in the forms that the door shows.
Resolved to_resolved(const resolve::Resolution& resolution, bool trace);

}  // namespace onoma::front
