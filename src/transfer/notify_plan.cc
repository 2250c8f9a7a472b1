#include "transfer/notify_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace onoma::transfer {

using wire::Name;

namespace {

constexpr std::uint16_t kDnsPort = 53;

// With a port, or a bare address, which means `port`.
Result<os::Endpoint> endpoint_of(std::string_view text, std::uint16_t port) {
  if (auto whole = os::Endpoint::parse(text)) return *whole;
  const auto address = os::Prefix::parse(text);
  if (!address || address->bits() != (address->is_v6() ? 128 : 32))
    return fail(
        Code::bad_syntax,
        fmt::format("{}: expected an address, such as 192.0.2.53, 192.0.2.53:5300 or [2001:db8::53]:53",
                    text));
  return *os::Endpoint::from_bytes(address->address(), port);
}

Result<NotifyDestination> destination_of(std::string_view text, const KeyRing& keys) {
  ONOMA_TRY(const auto words, RuleWords::split(text));
  NotifyDestination out;
  ONOMA_TRY(out.to, endpoint_of(words.first, kDnsPort));
  for (const auto& [name, value] : words.pairs) {
    if (name == "key" && !out.key) {
      ONOMA_TRY(out.key, key_named(value, keys));
      if (!may_begin(out.key->algorithm()))
        return fail(
            Code::unsupported,
            fmt::format("key={}: nothing is sent with hmac-sha1; make a key with hmac-sha256", value));
    } else if (name == "zone" && out.zones.empty()) {
      ONOMA_TRY(out.zones, zones_of(value));
    } else if (name == "from" && !out.from) {
      ONOMA_TRY(out.from, endpoint_of(value, 0));
      if (out.from->is_v6() != out.to.is_v6())
        return fail(Code::bad_syntax,
                    fmt::format("from={}: not of the same family as {}", value, words.first));
    } else {
      return fail(Code::bad_syntax,
                  fmt::format("{}={}: a secondary has an address and, each once, key=, zone= and from=", name,
                              value));
    }
  }
  return out;
}

}  // namespace

Result<NotifyDestination> NotifyDestination::parse(std::string_view text, const KeyRing& keys) {
  auto out = destination_of(text, keys);
  if (!out) return fail_in(fmt::format("notify \"{}\"", text), out.error());
  return out;
}

bool NotifyDestination::wants(wire::NameView zone) const {
  return zones.empty() ||
         std::ranges::any_of(zones, [&](const Name& one) { return equal(one.view(), zone); });
}

NotifyPlan::NotifyPlan(std::vector<NotifyDestination> destinations, NotifyTimes times, Rng& rng)
    : destinations_(std::move(destinations)), times_(times), rng_(rng), lanes_(destinations_.size()) {}

void NotifyPlan::published(const Name& zone, NotifyHintPtr hint, Duration now) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!destinations_[i].wants(zone)) continue;
    auto& lane = lanes_[i];
    const auto found = lane.entries.find(zone);
    if (found != lane.entries.end()) {  // outstanding, waiting or resting: told when that is over
      found->second.wanted = hint;
      continue;
    }
    if (entries_ >= kEntriesMax) continue;
    lane.entries.emplace(zone, Entry{.wanted = hint, .due = now});
    lane.waiting.emplace(now, zone);
    ++entries_;
  }
}

void NotifyPlan::forget(const Name& zone) {
  for (auto& lane : lanes_) {
    const auto found = lane.entries.find(zone);
    if (found == lane.entries.end()) continue;
    auto& entry = found->second;
    (entry.sent ? lane.outstanding : lane.waiting).erase({entry.due, zone});
    if (entry.sent) lane.ids.erase(entry.id);
    lane.entries.erase(found);
    --entries_;
  }
}

std::uint16_t NotifyPlan::fresh_id(const Lane& lane) {
  for (;;) {
    const auto id = static_cast<std::uint16_t>(rng_.u64());
    if (!lane.ids.contains(id)) return id;
  }
}

// Outstanding no more: waits for its interval, with or without a newer version to tell.
void NotifyPlan::rest(Lane& lane, const Name& zone, Entry& entry, Duration now) {
  lane.outstanding.erase({entry.due, zone});
  lane.ids.erase(entry.id);
  if (entry.wanted == entry.sent) entry.wanted.reset();
  entry.sent.reset();
  entry.tries = 0;
  entry.due = std::max(now, entry.last_sent + times_.interval);
  if (!entry.wanted && entry.due <= now) {
    lane.entries.erase(Name(zone));
    --entries_;
    return;
  }
  lane.waiting.emplace(entry.due, zone);
}

void NotifyPlan::transmit(std::size_t index, const Name& zone, Entry& entry, Duration now,
                          std::vector<Send>& out) {
  auto& lane = lanes_[index];
  entry.sent = entry.wanted;
  entry.last_sent = now;
  entry.due = now + times_.first_wait * (1U << std::min(entry.tries, 10U));
  ++entry.tries;
  lane.outstanding.emplace(entry.due, zone);
  out.push_back({.destination = index, .id = entry.id, .zone = zone, .hint = entry.sent});
}

std::vector<NotifyPlan::Send> NotifyPlan::due(Duration now, std::vector<GivenUp>& given_up) {
  std::vector<Send> out;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto& lane = lanes_[i];
    while (!lane.outstanding.empty() && lane.outstanding.begin()->first <= now) {
      const auto zone = lane.outstanding.begin()->second;
      auto& entry = lane.entries.at(zone);
      if (entry.tries > times_.retries) {
        given_up.push_back({.destination = i, .id = entry.id, .zone = zone});
        rest(lane, zone, entry, now);
        continue;
      }
      lane.outstanding.erase(lane.outstanding.begin());
      transmit(i, zone, entry, now, out);
    }
    while (!lane.waiting.empty() && lane.waiting.begin()->first <= now && lane.ids.size() < kOutstandingMax) {
      const auto zone = lane.waiting.begin()->second;
      lane.waiting.erase(lane.waiting.begin());
      auto& entry = lane.entries.at(zone);
      if (!entry.wanted) {
        lane.entries.erase(zone);
        --entries_;
        continue;
      }
      entry.id = fresh_id(lane);
      lane.ids.emplace(entry.id, zone);
      transmit(i, zone, entry, now, out);
    }
  }
  return out;
}

std::optional<Duration> NotifyPlan::next_due() const {
  std::optional<Duration> next;
  const auto consider = [&](const Order& order) {
    if (!order.empty() && (!next || order.begin()->first < *next)) next = order.begin()->first;
  };
  for (const auto& lane : lanes_) {
    consider(lane.outstanding);
    if (lane.ids.size() < kOutstandingMax) consider(lane.waiting);
  }
  return next;
}

const Name* NotifyPlan::outstanding(std::size_t destination, std::uint16_t id) const {
  const auto& ids = lanes_[destination].ids;
  const auto found = ids.find(id);
  return found == ids.end() ? nullptr : &found->second;
}

void NotifyPlan::answered(std::size_t destination, std::uint16_t id, Duration now) {
  auto& lane = lanes_[destination];
  const auto found = lane.ids.find(id);
  CHECK(found != lane.ids.end());
  const auto zone = found->second;
  rest(lane, zone, lane.entries.at(zone), now);
}

}  // namespace onoma::transfer
