// onoma resolve, watch: clients of the REST door that only read.
#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/client.h"
#include "app/object_requests.h"
#include "app/output.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

void add_resolve(CLI::App& root, Globals& globals) {
  struct Arguments {
    std::string text, scheme;
    bool trace = false;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      root.add_subcommand("resolve", "what an identifier or a name is: its records, and the proof");
  command->add_option("ID", arguments->text, "identifier or domain name in any spelling")->required();
  command->add_option("--scheme", arguments->scheme, "read it as this scheme instead of detecting one");
  command->add_flag("--trace", arguments->trace, "show every step and how long it took");
  command->footer("Examples:\n  onoma resolve example.test\n  onoma resolve doi:10.1000/182 --trace");
  command->callback([&globals, arguments] {
    with_client(globals, [&](Client& client) -> Result<int> {
      auto target = "/r/" + encoded(arguments->text) + (globals.json ? "?format=json" : "?format=text");
      if (!arguments->scheme.empty()) target += "&scheme=" + encoded(arguments->scheme);
      if (arguments->trace) target += "&trace=1";
      ONOMA_TRY(const auto reply, client.send("GET", target, {}, {.negative = true}));
      const bool negative = reply.status == 404 || reply.status == 410;
      if (globals.json && negative) {
        // The resolution stands in the problem document.
        ONOMA_TRY(const auto problem, read_object(reply.body));
        const auto* resolution = problem.if_contains("resolution");
        fmt::print("{}\n", resolution ? json::serialize(*resolution) : reply.body);
      } else {
        fmt::print("{}{}", reply.body, reply.body.ends_with('\n') ? "" : "\n");
      }
      return negative ? 1 : 0;
    });
  });
}

// Follows events, and for each says when it became visible.
class Watch {
 public:
  Watch(const Globals& globals, Client& client) : globals_(globals), client_(client) {}

  // Begins behind `after`, else behind the newest event; ends after `count` events, 0: never.
  Result<int> run(std::optional<std::uint64_t> after, std::size_t count) {
    if (after) {
      after_ = *after;
    } else {
      ONOMA_TRY(const auto reply, client_.get("/v1/events?limit=1"));
      ONOMA_TRY(const auto page, read_object(reply.body));
      after_ = number(page, "newest");
    }
    std::size_t seen = 0;
    while (count == 0 || seen < count || !unpublished_.empty()) {
      ONOMA_TRY(const auto fresh,
                next_events(count == 0 ? 100 : std::min<std::size_t>(100, count - std::min(seen, count))));
      seen += fresh;
      ONOMA_TRY_VOID(look_again());
      std::fflush(stdout);
      if (fresh == 0) std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    return 0;
  }

 private:
  using Moment = std::chrono::steady_clock::time_point;
  // How long an event may take to become visible before nobody looks any more: most change no zone at all.
  static constexpr auto kPatience = std::chrono::seconds{5};

  static std::uint64_t number(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_number() ? value->to_number<std::uint64_t>() : 0;
  }

  Result<std::size_t> next_events(std::size_t limit) {
    if (limit == 0) return std::size_t{0};
    ONOMA_TRY(const auto reply, client_.get(fmt::format("/v1/events?after={}&limit={}", after_, limit)));
    ONOMA_TRY(const auto page, read_page(reply.body));
    ONOMA_TRY(const auto whole, read_object(reply.body));
    for (const auto& event : page.items) {
      print_event(event);
      if (!print_published(event))
        unpublished_.emplace(number(event, "seq"), std::chrono::steady_clock::now() + kPatience);
    }
    after_ = std::max(after_, number(whole, "last"));
    return page.items.size();
  }

  Result<void> look_again() {
    const auto now = std::chrono::steady_clock::now();
    for (auto it = unpublished_.begin(); it != unpublished_.end();) {
      ONOMA_TRY(const auto reply, client_.get(fmt::format("/v1/events/{}", it->first)));
      ONOMA_TRY(const auto event, read_object(reply.body));
      it = print_published(event) || it->second < now ? unpublished_.erase(it) : std::next(it);
    }
    return {};
  }

  void print_event(const json::object& event) const {
    if (globals_.json) {
      fmt::print("{}\n", json::serialize(event));
      return;
    }
    std::string keys;
    std::size_t changes = 0;
    if (const auto* list = event.if_contains("changes"); list && list->is_array())
      for (const auto& change : list->as_array())
        if (change.is_object() && ++changes <= 3)
          keys += fmt::format(" {} {}", member_text(change.as_object(), "kind"),
                              member_text(change.as_object(), "key"));
    if (changes > 3) keys += fmt::format(" and {} more", changes - 3);
    fmt::print("{} event {} {} by {}:{}\n", member_text(event, "time"), member_text(event, "seq"),
               member_text(event, "command"), member_text(event, "actor"), keys);
  }

  // False while no version has carried the event.
  bool print_published(const json::object& event) const {
    const auto* published = event.if_contains("published");
    if (!published || !published->is_array() || published->as_array().empty()) return false;
    for (const auto& one : published->as_array()) {
      if (!one.is_object()) continue;
      if (globals_.json)
        fmt::print("{}\n",
                   json::serialize(json::object{{"visible", number(event, "seq")}, {"published", one}}));
      else
        fmt::print("{}\n",
                   coloured(Colour::good, fmt::format("  event {} visible in DNS: {}", number(event, "seq"),
                                                      published_text(one.as_object()))));
    }
    return true;
  }

  const Globals& globals_;
  Client& client_;
  std::uint64_t after_ = 0;
  std::map<std::uint64_t, Moment> unpublished_;
};

void add_watch(CLI::App& root, Globals& globals) {
  struct Arguments {
    std::optional<std::uint64_t> after;
    std::size_t count = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = root.add_subcommand(
      "watch", "follow changes, and see when each is visible in the DNS; with --json a document a line");
  command->add_option("--after", arguments->after, "begin behind this event; else with the next one");
  command->add_option("--count", arguments->count, "end after so many events; else never");
  command->footer("Example:\n  onoma watch");
  command->callback([&globals, arguments] {
    with_client(globals, [&](Client& client) {
      return Watch(globals, client).run(arguments->after, arguments->count);
    });
  });
}

}  // namespace

void add_lookup_commands(CLI::App& root, Globals& globals) {
  add_resolve(root, globals);
  add_watch(root, globals);
}

}  // namespace onoma::app
