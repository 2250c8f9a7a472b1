#include "transfer/history.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>

#include "wire/rdata.h"

namespace onoma::transfer {

using wire::NameView;
using wire::RRset;
using wire::RRType;

namespace {

constexpr std::size_t kStepCost = 256;  // octets that a step takes beside its records, about

// The data of `from` that `to` does not have, as records.
void add_missing(NameView owner, RRType type, std::uint32_t ttl, const std::vector<Bytes>& from,
                 const std::vector<Bytes>& to, RecordList& out) {
  std::unordered_set<std::string_view> there;
  for (const auto& data : to) there.insert(as_text(data));
  for (const auto& data : from)
    if (!there.contains(as_text(data))) out.add({.owner = owner, .type = type, .ttl = ttl, .rdata = data});
}

// Everything in `from` that `to` does not have; another TTL makes every record another one.
void add_difference(const RRset* from, const RRset* to, RecordList& out) {
  if (from == nullptr) return;
  static const std::vector<Bytes> kNothing;
  const bool comparable = to != nullptr && to->ttl == from->ttl;
  if (from->type != RRType::SOA)
    add_missing(from->owner, from->type, from->ttl, from->rdatas, comparable ? to->rdatas : kNothing, out);
  add_missing(from->owner, RRType::RRSIG, from->ttl, from->signatures, comparable ? to->signatures : kNothing,
              out);
}

const RRset* set_in(const std::optional<RRset>& set) {
  return set ? &*set : nullptr;
}

// What makes a record the same: its octets, the owner in lower case.
std::string key_of(const RecordView& record) {
  std::string key;
  key.reserve(record.owner.size() + 6 + record.rdata.size());
  for (const auto octet : record.owner.wire()) key += static_cast<char>(wire::ascii_lower(octet));
  std::uint8_t fixed[6];
  store_u16(fixed, wire::number(record.type));
  store_u32(fixed + 2, record.ttl);
  key += as_text(fixed);
  key += as_text(record.rdata);
  return key;
}

// Records by what makes them the same; the number tells where each stands in its order.
using Net = std::unordered_map<std::string, std::pair<const HistoryStep*, std::size_t>>;

void gather(const HistoryStep& step, const RecordList& list, Net& mine, Net& other) {
  for (std::size_t at = 0; at < list.octets();) {
    const auto start = at;
    auto key = key_of(list.read(at));
    if (other.erase(key) == 0) mine.emplace(std::move(key), std::pair(&step, start));
  }
}

// What is left, in the order of the steps.
void put_left(const std::vector<HistoryStepPtr>& steps, const RecordList HistoryStep::* which, const Net& net,
              RecordList& out) {
  for (const auto& step : steps) {
    const auto& list = (*step).*which;
    for (std::size_t at = 0; at < list.octets();) {
      const auto start = at;
      const auto record = list.read(at);
      const auto found = net.find(key_of(record));
      if (found != net.end() &&
          found->second == std::pair<const HistoryStep*, std::size_t>(step.get(), start))
        out.add(record);
    }
  }
  out.shrink();
}

}  // namespace

void RecordList::add(const RecordView& record) {
  ByteWriter out(octets_);
  out.bytes(record.owner.wire());
  out.u16(wire::number(record.type));
  out.u32(record.ttl);
  out.u16(static_cast<std::uint16_t>(record.rdata.size()));
  out.bytes(record.rdata);
  ++count_;
}

RecordView RecordList::read(std::size_t& at) const {
  const auto start = at;
  while (octets_[at] != 0) at += 1U + octets_[at];
  ++at;
  RecordView out{.owner = NameView::trusted(ByteView(octets_).subspan(start, at - start)),
                 .type = RRType{load_u16(&octets_[at])},
                 .ttl = load_u32(&octets_[at + 2]),
                 .rdata = {}};
  const std::size_t size = load_u16(&octets_[at + 6]);
  out.rdata = ByteView(octets_).subspan(at + 8, size);
  at += 8 + size;
  return out;
}

HistoryStepPtr step_of(const zone::Diff& diff) {
  auto step = std::make_shared<HistoryStep>();
  bool has_soa = false;
  for (const auto& change : diff.changes) {
    const auto* before = set_in(change.before);
    const auto* after = set_in(change.after);
    if (change.type == RRType::SOA) {
      if (!before || !after || before->rdatas.size() != 1 || after->rdatas.size() != 1) return nullptr;
      step->from = wire::soa_serial(before->rdatas.front());
      step->to = wire::soa_serial(after->rdatas.front());
      for (const auto* soa : {before, after})
        step->soas.add(
            {.owner = soa->owner, .type = RRType::SOA, .ttl = soa->ttl, .rdata = soa->rdatas.front()});
      has_soa = true;
    }
    add_difference(before, after, step->removed);
    add_difference(after, before, step->added);
  }
  if (!has_soa || !wire::serial_newer(step->to, step->from)) return nullptr;
  step->removed.shrink();
  step->added.shrink();
  step->soas.shrink();
  return step;
}

HistoryStepPtr condense(const std::vector<HistoryStepPtr>& steps) {
  if (steps.size() == 1) return steps.front();
  Net removed, added;
  for (const auto& step : steps) {
    gather(*step, step->removed, removed, added);
    gather(*step, step->added, added, removed);
  }
  auto out = std::make_shared<HistoryStep>();
  out->from = steps.front()->from;
  out->to = steps.back()->to;
  std::size_t at = 0;
  out->soas.add(steps.front()->soas.read(at));
  at = 0;
  steps.back()->soas.read(at);
  out->soas.add(steps.back()->soas.read(at));
  put_left(steps, &HistoryStep::removed, removed, out->removed);
  put_left(steps, &HistoryStep::added, added, out->added);
  return out;
}

void History::drop_oldest(Zone& zone) {
  const auto size = zone.steps.front()->octets() + kStepCost;
  zone.octets -= size;
  octets_ -= size;
  zone.steps.pop_front();
}

void History::add(const wire::Name& zone, const zone::Diff& diff) {
  const auto step = step_of(diff);  // before the lock
  std::scoped_lock lock(mutex_);
  const auto clear = [&](Zone& one) {
    while (!one.steps.empty()) drop_oldest(one);
    one.condensed.reset();
  };
  if (!step || limits_.versions == 0 ||
      step->octets() + kStepCost > std::min(limits_.octets, limits_.octets_total)) {
    if (const auto found = zones_.find(zone); found != zones_.end()) {
      clear(found->second);
      zones_.erase(found);
    }
    return;
  }
  auto& mine = zones_[zone];
  if (!mine.steps.empty() && mine.steps.back()->to != step->from) clear(mine);
  mine.condensed.reset();
  mine.steps.push_back(step);
  mine.octets += step->octets() + kStepCost;
  octets_ += step->octets() + kStepCost;
  while (mine.steps.size() > limits_.versions || mine.octets > limits_.octets ||
         (octets_ > limits_.octets_total && !mine.steps.empty()))
    drop_oldest(mine);
  if (mine.steps.empty()) zones_.erase(zone);
}

void History::forget(const wire::Name& zone) {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  if (found == zones_.end()) return;
  octets_ -= found->second.octets;
  zones_.erase(found);
}

std::vector<HistoryStepPtr> History::steps(const wire::Name& zone, std::uint32_t from,
                                           const zone::Snapshot& to) {
  const auto& facts = to.facts();
  const std::uint64_t whole = facts.records + facts.signatures + facts.names;
  const auto too_much = [&](std::uint64_t records) {
    return records > limits_.share_from && records * 100 > whole * limits_.share_percent;
  };
  std::vector<HistoryStepPtr> out;
  std::size_t records = 0;
  {
    std::scoped_lock lock(mutex_);
    const auto found = zones_.find(zone);
    if (found == zones_.end()) return {};
    const auto& mine = found->second;
    if (mine.condensed && mine.condensed->from == from && mine.condensed->to == facts.serial) {
      if (too_much(mine.condensed->records())) return {};
      return {mine.condensed};
    }
    auto step = std::ranges::find(mine.steps, from, [](const HistoryStepPtr& one) { return one->from; });
    bool arrived = false;
    for (; step != mine.steps.end() && !arrived; ++step) {
      out.push_back(*step);
      records += (*step)->records();
      arrived = (*step)->to == facts.serial;
    }
    if (!arrived) return {};
  }
  if (out.size() > 1 && records <= limits_.condense_max) {
    out = {condense(out)};
    records = out.front()->records();
    std::scoped_lock lock(mutex_);
    if (const auto found = zones_.find(zone); found != zones_.end()) found->second.condensed = out.front();
  }
  if (too_much(records)) return {};
  return out;
}

std::size_t History::octets() const {
  std::scoped_lock lock(mutex_);
  return octets_;
}

}  // namespace onoma::transfer
