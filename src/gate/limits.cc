#include "gate/limits.h"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>

#include "gate/canonical.h"
#include "gate/check.h"

namespace onoma::gate {
namespace {

struct Owner {
  NameView name;
  bool ns_before = false, ns_after = false;
  bool delegation_changed = false;
  bool came = false;         // a set of content is there afterwards
  std::vector<RRType> went;  // types
};

class RealLimits final : public zone::ChangeLimits {
 public:
  explicit RealLimits(LimitOptions options) : options_(options) {}

  zone::ChangeCount count(const Snapshot& before, const zone::Diff& diff) const override {
    zone::ChangeCount out;
    const NameView apex = before.facts().apex;
    std::map<std::string, Owner> owners;
    for (const auto& change : diff.changes) {
      const bool at_apex = same_name(change.owner, apex);
      const bool differs = !change.before || !change.after || change.before->rdatas != change.after->rdatas;
      if (at_apex) {
        out.apex_ns = out.apex_ns || (change.type == RRType::NS && differs);
        out.apex_keys = out.apex_keys || (change.type == RRType::DNSKEY && differs);
        continue;
      }
      if (wire::is_made_by_signer(change.type)) continue;
      auto& owner =
          owners.try_emplace(wire::sort_key(change.owner), Owner{.name = change.owner}).first->second;
      if (change.type == RRType::NS) {
        owner.ns_before = change.before.has_value();
        owner.ns_after = change.after.has_value();
      }
      if (differs && (change.type == RRType::NS || change.type == RRType::DS))
        owner.delegation_changed = true;
      if (change.after)
        owner.came = true;
      else
        owner.went.push_back(change.type);
    }
    for (const auto& [key, owner] : owners) add(out, before, key, owner);
    return out;
  }

  std::vector<std::string> exceeded(const Snapshot& before, const zone::ChangeCount& step,
                                    const zone::ChangeCount& recent) const override {
    std::vector<std::string> out;
    const auto& facts = before.facts();
    const auto judge = [&](const char* what, std::uint64_t now, std::uint64_t lately, std::uint64_t all) {
      const auto allowed = std::max(options_.least, share(all));
      if (now > allowed)
        out.push_back(
            fmt::format("the version changes {} of {} {}; {} may change without a person's consent "
                        "({} % or {})",
                        now, all, what, allowed, options_.percent, options_.least));
      else if (now != 0 && now + lately > allowed)
        out.push_back(
            fmt::format("the version changes {} of {} {} and those of the last hour changed {}; {} "
                        "may change in an hour without a person's consent",
                        now, all, what, lately, allowed));
    };
    const auto delegations = [&](const zone::ChangeCount& count) {
      return count.removed + count.changed + (options_.additions ? count.added : 0);
    };
    judge("delegations", delegations(step), delegations(recent), facts.delegations);
    judge("names", step.gone, recent.gone, facts.names);
    if (options_.apex && step.apex_ns)
      out.push_back(fmt::format("the version changes the NS set of the apex {}", facts.apex.text()));
    if (options_.apex && step.apex_keys)
      out.push_back(
          fmt::format("the version changes the DNSKEY set of {} outside a plan", facts.apex.text()));
    return out;
  }

 private:
  std::uint64_t share(std::uint64_t all) const {
    return static_cast<std::uint64_t>(static_cast<double>(all) * options_.percent / 100.0);
  }

  static void add(zone::ChangeCount& out, const Snapshot& before, const std::string& key,
                  const Owner& owner) {
    if (owner.ns_after && !owner.ns_before) {
      ++out.added;
    } else if (owner.ns_before && !owner.ns_after) {
      ++out.removed;
    } else if (owner.delegation_changed) {
      ++out.changed;
    } else if (!owner.came && is_left_empty(before, key, owner)) {
      ++out.gone;
    }
  }

  // Does the name hold no content after the step?
  static bool is_left_empty(const Snapshot& before, const std::string& key, const Owner& owner) {
    const auto node = before.node(key);
    if (!node) return false;
    for (std::size_t i = 0; i < node->size(); ++i) {
      const auto type = node->at(i).type();
      if (!wire::is_made_by_signer(type) && std::ranges::find(owner.went, type) == owner.went.end())
        return false;
    }
    return true;
  }

  const LimitOptions options_;
};

}  // namespace

std::shared_ptr<const zone::ChangeLimits> make_limits(LimitOptions options) {
  return std::make_shared<RealLimits>(options);
}

}  // namespace onoma::gate
