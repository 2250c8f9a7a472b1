// What a version claims to hold and what its source expects, against what it holds.
#include <fmt/format.h>

#include "gate/check.h"

namespace onoma::gate {
namespace {

void count(Counts& counts, NameView apex, NameView owner, RRType type, std::size_t records,
           std::size_t signatures, std::uint64_t by) {
  if (!wire::is_made_by_signer(type)) {
    counts.rrsets += by;
    counts.records += by * records;
  }
  counts.signatures += by * signatures;
  if (type == RRType::NS && !same_name(owner, apex)) counts.delegations += by;
  if (type == RRType::DS) counts.ds_sets += by;
}

void count(Counts& counts, NameView apex, const zone::RRset& set, std::uint64_t by) {
  count(counts, apex, set.owner, set.type, set.rdatas.size(), set.signatures.size(), by);
}

}  // namespace

Counts Counts::of(const Snapshot& zone, bool digest) {
  const auto& facts = zone.facts();
  return {facts.rrsets,  facts.records,    facts.delegations,
          facts.ds_sets, facts.signatures, digest ? zone.content_digest() : zone::SetDigest{},
          digest};
}

void add(Counts& counts, NameView apex, const zone::RRset& set) {
  count(counts, apex, set, 1);
  if (counts.digest && zone::is_content(set.type)) counts.content.add(set);
}

void add(Counts& counts, NameView apex, NameView owner, const RRsetView& set) {
  count(counts, apex, owner, set.type(), set.size(), set.signatures().size(), 1);
  if (counts.digest && zone::is_content(set.type())) counts.content.add(set.copy(owner));
}

void remove(Counts& counts, NameView apex, const zone::RRset& set) {
  count(counts, apex, set, ~std::uint64_t{0});  // -1
  if (counts.digest && zone::is_content(set.type)) counts.content.remove(set);
}

void check_counts(Check& check, const Counts& counted) {
  const auto claimed = Counts::of(check.zone, counted.digest);
  auto compare = [&](const char* what, std::uint64_t claim, std::uint64_t have) {
    if (claim != have)
      check.findings.fatal(check.apex, fmt::format("the version of {} claims {} {}, it should be {}",
                                                   check.apex.text(), claim, what, have));
  };
  compare("RRsets", claimed.rrsets, counted.rrsets);
  compare("records", claimed.records, counted.records);
  compare("delegations", claimed.delegations, counted.delegations);
  compare("DS sets", claimed.ds_sets, counted.ds_sets);
  compare("signatures", claimed.signatures, counted.signatures);
  if (!(claimed.content == counted.content))
    check.findings.fatal(check.apex,
                         fmt::format("the version of {} claims the content digest {}, it should be {}",
                                     check.apex.text(), claimed.content.text(), counted.content.text()));
}

void check_expected(Check& check, const Counts& counted, const zone::Expected& expected) {
  auto compare = [&](const char* what, std::uint64_t have, std::uint64_t want) {
    if (have != want)
      check.findings.fatal(
          check.apex, fmt::format("{} has {} {}, the registry has {}", check.apex.text(), have, what, want));
  };
  compare("delegations", counted.delegations, expected.delegations);
  compare("DS sets", counted.ds_sets, expected.ds_sets);
  if (counted.digest && !(counted.content == expected.content))
    check.findings.fatal(check.apex,
                         fmt::format("the content of {} has the digest {}, the registry's is {}",
                                     check.apex.text(), counted.content.text(), expected.content.text()));
}

}  // namespace onoma::gate
