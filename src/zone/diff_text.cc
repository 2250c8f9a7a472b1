#include "zone/diff_text.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "wire/zonefile.h"

namespace onoma::zone {
namespace {

using wire::Record;

struct Line {
  bool adds = false;
  std::size_t number = 0;
  Record record;
};

// An RRSIG belongs to the set that it covers.
RRType set_type(const Record& record) {
  if (record.type != RRType::RRSIG || record.rdata.size() < 2) return record.type;
  return static_cast<RRType>(load_u16(record.rdata.data()));
}

Result<Record> one_record(std::string_view line, NameView origin, const std::string& where) {
  std::optional<Record> found;
  const auto parsed = wire::parse_zone_text(
      line, {.origin = Name(origin), .file_name = where}, [&](Record&& record) -> Result<void> {
        if (found) return fail(Code::bad_syntax, "more than one record in a line");
        found = std::move(record);
        return {};
      });
  if (!parsed) return std::unexpected(parsed.error());
  if (!found) return fail(Code::bad_syntax, where + ": expected a record behind the sign");
  return std::move(*found);
}

Result<std::vector<Line>> read_lines(std::string_view text, NameView origin, const std::string& file_name) {
  std::vector<Line> out;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == ';') continue;
    if (line[0] != '+' && line[0] != '-')
      return fail(Code::bad_syntax,
                  fmt::format("{}:{}:1: expected '+' or '-' in front of a record", file_name, number));
    const bool adds = line[0] == '+';
    line.remove_prefix(1);
    ONOMA_TRY(auto record, one_record(line, origin, fmt::format("{} line {}", file_name, number)));
    out.push_back({.adds = adds, .number = number, .record = std::move(record)});
  }
  return out;
}

std::vector<Bytes>& data_of(RRset& set, const Record& record) {
  return record.type == RRType::RRSIG ? set.signatures : set.rdatas;
}

// One set on its way from before to after.
struct Work {
  std::optional<RRset> before;
  RRset after;
};

Result<void> take_out(Work& work, const Line& line, const std::string& where) {
  auto& data = data_of(work.after, line.record);
  const auto found = std::find(data.begin(), data.end(), line.record.rdata);
  if (found == data.end() || work.after.ttl != line.record.ttl)
    return fail(Code::policy_refused, where + ": the zone does not hold the record that is to go");
  data.erase(found);
  return {};
}

Result<void> put_in(Work& work, const Line& line, const std::string& where) {
  auto& data = data_of(work.after, line.record);
  if (std::find(data.begin(), data.end(), line.record.rdata) != data.end())
    return fail(Code::policy_refused, where + ": the zone already holds the record that is to come");
  data.push_back(line.record.rdata);
  work.after.ttl = line.record.ttl;
  return {};
}

void print(std::string& out, char sign, const RRset& set) {
  for (const auto& rdata : set.rdatas) out += sign + wire::record_line(set.owner, set.ttl, set.type, rdata);
  for (const auto& rdata : set.signatures)
    out += sign + wire::record_line(set.owner, set.ttl, RRType::RRSIG, rdata);
}

// The records of `set` that `other` does not hold as well.
RRset without(const RRset& set, const std::optional<RRset>& other) {
  if (!other || other->ttl != set.ttl) return set;
  RRset out{.owner = set.owner, .type = set.type, .ttl = set.ttl};
  const auto take = [](const std::vector<Bytes>& from, const std::vector<Bytes>& not_in,
                       std::vector<Bytes>& to) {
    for (const auto& data : from)
      if (std::find(not_in.begin(), not_in.end(), data) == not_in.end()) to.push_back(data);
  };
  take(set.rdatas, other->rdatas, out.rdatas);
  take(set.signatures, other->signatures, out.signatures);
  return out;
}

}  // namespace

Result<Diff> diff_from_text(std::string_view text, const Snapshot& current, const std::string& file_name) {
  const auto& apex = current.facts().apex;
  ONOMA_TRY(auto lines, read_lines(text, apex, file_name));
  // Removals come first, whatever the order of the lines, so that a moved record is no conflict.
  std::stable_partition(lines.begin(), lines.end(), [](const Line& line) { return !line.adds; });

  std::map<std::pair<Name, RRType>, Work> sets;
  for (const auto& line : lines) {
    const auto where = fmt::format("{}:{}", file_name, line.number);
    const auto& owner = line.record.owner;
    if (!owner.is_at_or_below(apex))
      return fail(Code::policy_refused,
                  fmt::format("{}: {} is outside {}", where, owner.text(), apex.text()));
    const auto type = set_type(line.record);
    auto [at, fresh] = sets.try_emplace({owner, type});
    if (fresh) {
      auto node = current.node(wire::sort_key(owner));
      if (!node && type == RRType::NSEC3) {
        const auto hash = from_base32hex(as_text(owner.view().first_label()));
        if (hash) node = current.nsec3_match(as_text(*hash));
      }
      if (const auto view = node ? node->find(type) : std::nullopt)
        at->second.before = view->copy(node->owner());
      at->second.after =
          at->second.before.value_or(RRset{.owner = owner, .type = type, .ttl = line.record.ttl});
    }
    ONOMA_TRY_VOID(line.adds ? put_in(at->second, line, where) : take_out(at->second, line, where));
  }

  Diff diff{.apex = apex,
            .from_serial = current.facts().serial,
            .to_serial = current.facts().serial,
            .changes = {}};
  for (auto& [key, work] : sets) {
    work.after.normalise();
    const bool stays = !work.after.rdatas.empty();
    if (!stays && !work.after.signatures.empty())
      return fail(Code::policy_refused,
                  fmt::format("{}: signatures over {} {} are left without what they cover", file_name,
                              key.first.text(), wire::type_text(key.second)));
    if (!stays && !work.before) continue;
    if (work.before && stays && *work.before == work.after) continue;
    if (key.second == RRType::SOA && stays) diff.to_serial = wire::soa_serial(work.after.rdatas.front());
    diff.changes.push_back({key.first, key.second, std::move(work.before),
                            stays ? std::optional(std::move(work.after)) : std::nullopt});
  }
  if (!diff.empty() && !wire::serial_newer(diff.to_serial, diff.from_serial))
    return fail(Code::policy_refused,
                fmt::format("{}: the change must replace the SOA by one with a serial above {}", file_name,
                            diff.from_serial));
  diff.sort();
  return diff;
}

std::string diff_text(const Diff& diff) {
  std::string out;
  for (const auto& change : diff.changes)
    if (change.before) print(out, '-', without(*change.before, change.after));
  for (const auto& change : diff.changes)
    if (change.after) print(out, '+', without(*change.after, change.before));
  return out;
}

}  // namespace onoma::zone
