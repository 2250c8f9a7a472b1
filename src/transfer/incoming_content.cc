#include "transfer/incoming_content.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/assemble.h"
#include "zone/denial.h"

namespace onoma::transfer {

using wire::Name;
using wire::Record;
using wire::RRset;
using wire::RRType;

namespace {

// Nobody can publish such a zone by mistake; a set has to fit into a message anyhow.
std::expected<void, TransferFault> check_owners(const zone::RecordChunk& chunk,
                                                const IncomingLimits& limits) {
  for (std::size_t i = 0; i < chunk.runs().size();) {
    // Runs of one owner lie side by side, items of a run by type.
    const auto& first = chunk.runs()[i];
    std::map<std::pair<RRType, bool>, std::size_t> counts;
    std::size_t items = 0;
    auto end = i;
    for (; end < chunk.runs().size() && chunk.runs()[end].key() == first.key(); ++end)
      items += chunk.runs()[end].count;
    if (items > std::min(limits.set_records_max, limits.owner_types_max)) {
      for (auto at = i; at < end; ++at)
        for (const auto& item : chunk.items(chunk.runs()[at])) ++counts[{item.type, item.is_signature}];
      std::size_t types = 0;
      for (const auto& [key, count] : counts) {
        if (!key.second) ++types;
        if (count > limits.set_records_max)
          return fault(FaultKind::too_large,
                       fmt::format("{} {}: {} records, above the limit of {}", first.name().text(),
                                   wire::type_text(key.first), count, limits.set_records_max));
      }
      if (types > limits.owner_types_max)
        return fault(FaultKind::too_large, fmt::format("{}: {} types, above the limit of {}",
                                                       first.name().text(), types, limits.owner_types_max));
    }
    i = end;
  }
  return {};
}

// One set on its way, its data by their canonical form.
struct Work {
  using Data = std::map<Bytes, Bytes>;
  Name owner;
  std::optional<RRset> before;
  std::uint32_t ttl = 0;
  Data data, signatures;
};

RRType set_type(const Record& record) {
  return record.type == RRType::RRSIG ? static_cast<RRType>(load_u16(record.rdata.data())) : record.type;
}

std::string text_of(const Record& record) {
  return fmt::format("{} {}", record.owner.text(), wire::type_text(record.type));
}

class Applier {
 public:
  Applier(const zone::Snapshot& current, const IncomingLimits& limits) : current_(current), limits_(limits) {}

  std::expected<void, TransferFault> take(const IxfrStep& step) {
    for (const auto& record : step.removed)
      if (auto done = remove(record, step.to.serial); !done) return done;
    for (const auto& record : step.added)
      if (auto done = add(record, step.to.serial); !done) return done;
    return {};
  }

  zone::Diff diff(const IxfrStep& last) {
    const auto& apex = current_.facts().apex;
    zone::Diff out{
        .apex = apex, .from_serial = current_.facts().serial, .to_serial = last.to.serial, .changes = {}};
    auto& soa = work({apex, RRType::SOA}, apex, last.to_ttl);
    soa.data = {{wire::canonical_rdata(RRType::SOA, last.to.rdata()), last.to.rdata()}};
    soa.ttl = last.to_ttl;
    for (auto& [key, one] : works_) {
      std::optional<RRset> after;
      if (!one.data.empty()) {  // signatures of nothing are left out, as in a whole zone
        after = RRset{.owner = one.before ? one.before->owner : one.owner,
                      .type = key.second,
                      .ttl = one.ttl,
                      .rdatas = {},
                      .signatures = {}};
        for (auto& [form, data] : one.data) after->rdatas.push_back(std::move(data));
        for (auto& [form, data] : one.signatures) after->signatures.push_back(std::move(data));
      }
      if (!one.before && !after) continue;
      if (one.before && after && *one.before == *after) continue;
      out.changes.push_back({.owner = one.before ? one.before->owner : one.owner,
                             .type = key.second,
                             .before = std::move(one.before),
                             .after = std::move(after)});
    }
    out.sort();
    return out;
  }

 private:
  using Key = std::pair<Name, RRType>;

  Work& work(const Key& key, const Name& owner, std::uint32_t ttl) {
    const auto [at, fresh] = works_.try_emplace(key);
    auto& one = at->second;
    if (!fresh) return one;
    one.owner = owner;
    one.ttl = ttl;
    auto node = current_.node(wire::sort_key(owner));
    if (key.second == RRType::NSEC3) {
      const auto hash = zone::nsec3_hash_of(owner);
      node = hash ? current_.nsec3_match(hash->view()) : std::nullopt;
    }
    const auto view = node ? node->find(key.second) : std::nullopt;
    if (!view) return one;
    one.before = view->copy(node->owner());
    one.ttl = one.before->ttl;
    for (const auto& data : one.before->rdatas)
      one.data.emplace(wire::canonical_rdata(key.second, data), data);
    for (const auto& data : one.before->signatures)
      one.signatures.emplace(wire::canonical_rdata(RRType::RRSIG, data), data);
    return one;
  }

  std::expected<void, TransferFault> remove(const Record& record, std::uint32_t serial) {
    auto& one = work({record.owner, set_type(record)}, record.owner, record.ttl);
    auto& data = record.type == RRType::RRSIG ? one.signatures : one.data;
    if (data.erase(wire::canonical_rdata(record.type, record.rdata)) == 0)
      return fault(FaultKind::contradictory,
                   fmt::format("the change to serial {} removes a record that is not there: {}", serial,
                               text_of(record)));
    return {};
  }

  std::expected<void, TransferFault> add(const Record& record, std::uint32_t serial) {
    auto& one = work({record.owner, set_type(record)}, record.owner, record.ttl);
    const bool signature = record.type == RRType::RRSIG;
    auto& data = signature ? one.signatures : one.data;
    // Records of a set have one TTL, the smallest; of what was all removed nothing is left to agree with.
    if (!signature) one.ttl = data.empty() ? record.ttl : std::min(one.ttl, record.ttl);
    if (!data.emplace(wire::canonical_rdata(record.type, record.rdata), record.rdata).second)
      return fault(
          FaultKind::contradictory,
          fmt::format("the change to serial {} adds a record that is there: {}", serial, text_of(record)));
    if (data.size() > limits_.set_records_max)
      return fault(FaultKind::too_large, fmt::format("{}: more than {} records in a set", text_of(record),
                                                     limits_.set_records_max));
    return {};
  }

  const zone::Snapshot& current_;
  const IncomingLimits& limits_;
  std::map<Key, Work> works_;
};

}  // namespace

std::expected<zone::SnapshotPtr, TransferFault> build_whole(const Name& zone,
                                                            std::vector<zone::RecordChunk> chunks,
                                                            const IncomingLimits& limits,
                                                            std::vector<std::string>& warnings,
                                                            const Parallel& parallel) {
  parallel(chunks.size(), [&](std::size_t i) { zone::sort(chunks[i]); });
  for (const auto& chunk : chunks)
    if (auto checked = check_owners(chunk, limits); !checked) return std::unexpected(checked.error());
  auto built = zone::build_snapshot(zone, std::move(chunks), warnings);
  if (!built) return fault(FaultKind::contradictory, std::move(built).error().message);
  return *std::move(built);
}

std::expected<NextVersion, TransferFault> apply_steps(const zone::Snapshot& current,
                                                      const std::vector<IxfrStep>& steps,
                                                      const IncomingLimits& limits) {
  if (steps.empty() || steps.front().from.serial != current.facts().serial)
    return fault(FaultKind::contradictory, "the changes do not start from the version that is served");
  Applier applier(current, limits);
  for (const auto& step : steps)
    if (auto taken = applier.take(step); !taken) return std::unexpected(taken.error());
  NextVersion out{.snapshot = {}, .diff = applier.diff(steps.back())};
  auto next = current.apply(out.diff);
  if (!next) return fault(FaultKind::contradictory, std::move(next).error().message);
  out.snapshot = *std::move(next);
  for (const auto& change : out.diff.changes) {
    if (change.before || change.type == RRType::NSEC3) continue;
    const auto node = out.snapshot->node(wire::sort_key(change.owner));
    if (node && node->size() > limits.owner_types_max)
      return fault(FaultKind::too_large,
                   fmt::format("{}: {} types, above the limit of {}", change.owner.text(), node->size(),
                               limits.owner_types_max));
  }
  return out;
}

}  // namespace onoma::transfer
