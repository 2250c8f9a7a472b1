// Inside of the REST door: what the files with its routes share. Private to front/rest.
#pragma once

#include <string>

#include "front/rest/problem.h"
#include "front/rest/router.h"
#include "front/rest/services.h"
#include "front/rest/text.h"
#include "front/rest/token_cache.h"
#include "front/rest/waiters.h"
#include "ident/scheme.h"

namespace onoma::front {

struct Door {
  explicit Door(RestServices with)
      : services(std::move(with)),
        tokens(services.authenticator, services.clock),
        router([this](std::string_view token) { return tokens.authenticate(token); }),
        waiters(services.wait_for) {}

  RestServices services;
  TokenCache tokens;
  Router router;
  Waiters waiters;

  // Hands in a command made of the request and answers with its outcome. `location` of a create: the path of
  // the new object, from the outcome.
  using Location = std::function<std::string(const model::Outcome&)>;
  void write(Call call, model::Command command, Location location = {});
  // The same from the request's JSON. `key`: of the path, empty for creates.
  void write(Call call, std::string_view command_name, std::string_view key, Location location = {});

  Result<std::unique_ptr<model::ObjectReader>> read() { return services.readers.open(); }
  // Waits, without a thread of its own, until every zone has worked through the event or 5 s have passed;
  // `then` gets the members that tell what came of it: "visibility" and, where there is something to say,
  // "published" and "held".
  struct Shown {
    std::string visibility, published, held;  // the latter two JSON lists, or empty
    std::string added_to(std::string json) const;
  };
  void when_shown(std::uint64_t event, std::move_only_function<void(Shown)> then);
  // [{"zone":…,"serial":…},…]: the versions that carried the event into the zones that it concerns; "" when
  // none did.
  std::string published_json(const model::Event& event) const;
};

void add_object_routes(Door& door);
void add_event_routes(Door& door);
void add_zone_routes(Door& door);
void add_lookup_routes(Door& door);

// A member of an object as model/json.h writes it: compact, and a name between quotes nowhere else, since
// quotes inside texts are escaped. For members whose texts need no escapes.
std::string text_member(std::string_view json, std::string_view name);
// A name from the path or a query, as people write it.
Result<wire::Name> name_of(std::string_view text);
// An object with its ETag; 304 when the client has it already.
void answer_object(Call call, std::uint64_t revision, std::string json);
// ?limit= within 1–1,000; 100 unless told.
Result<std::size_t> limit_of(const Call& call);
std::string identifier_text_json(const ident::Identifier& identifier);

// Parameters that several routes have.
inline constexpr Parameter kWait{"wait",
                                 "\"visible\": answer when the change is in the DNS, at most 5 s later"};
inline constexpr Parameter kLimit{"limit", "items on a page, 1-1000, default 100"};
inline constexpr Parameter kAfter{"after", "from `next` of the page before"};

}  // namespace onoma::front
