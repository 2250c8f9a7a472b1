// A Resolution for people: a heading, the records, what the registry knows, the proof; on request the steps.
#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "base/encoding.h"
#include "ident/idn.h"
#include "model/json.h"
#include "resolve/resolver.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::resolve {
namespace {

using model::name_text;
using Out = std::back_insert_iterator<std::string>;

constexpr std::size_t kShownOctets = 400;  // of a value

void field(Out out, std::string_view name, std::string_view value) {
  fmt::format_to(out, "  {:<12} {}\n", name, value);
}

// Octets of a value as a person may see them on a terminal: no control characters.
std::string shown(ByteView data) {
  const auto text = as_text(data.first(std::min(data.size(), kShownOctets)));
  const bool plain = is_utf8(text) && std::ranges::none_of(text, [](char c) {
                       return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
                     });
  return (plain ? std::string(text) : "\\x" + hex(as_bytes(text))) + (data.size() > kShownOctets ? "…" : "");
}

void records(Out out, const wire::RRset& set, std::string_view remark) {
  for (const auto& rdata : set.rdatas)
    fmt::format_to(out, "  {} {} {} {}\n", set.owner.text(), set.ttl, wire::type_text(set.type),
                   wire::rdata_text(set.type, rdata));
  if (!remark.empty()) fmt::format_to(out, "    ({})\n", remark);
}

std::string headline(const Resolution& resolution) {
  switch (resolution.outcome) {
    case Outcome::found:
      return "found";
    case Outcome::delegated:
      return fmt::format("delegated at {}; authoritative elsewhere", name_text(resolution.delegation->cut));
    case Outcome::no_data:
      return "the name exists and has no records";
    case Outcome::not_found:
      return "does not exist";
    case Outcome::elsewhere:
      return "no zone served here holds the name";
  }
  return {};
}

void identity(Out out, const Resolution& resolution) {
  const auto& id = resolution.identifier;
  fmt::format_to(out, "{}: {}\n", id.display.empty() ? id.canonical : id.display, headline(resolution));
  field(out, "kind", resolution.kind);
  field(out, "identifier", fmt::format("{}:{}", id.scheme, id.canonical));
  if (!id.prefix.empty()) field(out, "prefix", id.prefix);
  const auto ascii = name_text(resolution.dns_name);
  const auto unicode = ident::idn_display(resolution.dns_name);
  field(out, "DNS name", unicode == ascii ? ascii : fmt::format("{} ({})", ascii, unicode));
  for (const auto& warning : id.warnings) field(out, "warning", warning);
}

void answers(Out out, const Resolution& resolution) {
  if (!resolution.records.empty()) fmt::format_to(out, "records\n");
  for (const auto& found : resolution.records) records(out, found.set, text(found.status));
  if (resolution.from_wildcard)
    fmt::format_to(out, "  they stand at {}, a wildcard\n", name_text(*resolution.from_wildcard));
  if (resolution.redirected_by)
    fmt::format_to(out, "  the name is redirected at {}\n", name_text(*resolution.redirected_by));
  if (resolution.delegation) {
    const auto& delegation = *resolution.delegation;
    fmt::format_to(out, "delegation\n");
    records(out, delegation.name_servers, {});
    if (delegation.ds) records(out, delegation.ds->set, text(delegation.ds->status));
    for (const auto& set : delegation.glue) records(out, set, {});
    if (!delegation.ds) fmt::format_to(out, "  no DS: the delegation is not secured by DNSSEC\n");
  }
  if (!resolution.denial) return;
  const auto& denial = *resolution.denial;
  if (denial.absence.kind == zone::Denial::none) {
    fmt::format_to(out, "proof of absence: none, the zone is not signed\n");
    return;
  }
  fmt::format_to(out, "proof of absence: {}{}\n",
                 denial.absence.complete ? text(denial.status) : "incomplete",
                 denial.absence.opt_out ? ", opt-out" : "");
  for (std::size_t i = 0; i < denial.absence.records.size(); ++i)
    fmt::format_to(out, "  {} {}: {}\n", denial.absence.records[i].owner.text(),
                   wire::type_text(denial.absence.records[i].type), denial.absence.statements[i]);
}

void registry(Out out, const Resolution& resolution) {
  if (resolution.operated_zone) {
    fmt::format_to(out, "registry\n");
    field(out, "zone", fmt::format("{}, operated here", name_text(*resolution.operated_zone)));
  }
  if (const auto& domain = resolution.domain) {
    fmt::format_to(out, "registry\n");
    field(out, "domain", domain->unicode.empty() ? name_text(domain->name) : domain->unicode);
    field(out, "sponsor", domain->origin.sponsor);
    field(out, "created", iso8601(domain->origin.created));
    field(out, "expires", iso8601(domain->expires));
    for (const auto& status : domain->statuses) field(out, "status", status);
  }
  for (const auto& identifier : resolution.identifiers) {
    fmt::format_to(out, "registry\n");
    field(out, "identifier", fmt::format("{}:{}", identifier.scheme, identifier.canonical));
    field(out, "sponsor", identifier.origin.sponsor);
    field(out, "status", identifier.status);
    for (const auto& value : identifier.values)
      field(out, fmt::format("value {}", value.index), fmt::format("{} {}", value.type, shown(value.data)));
  }
}

void proof(Out out, const Resolution& resolution) {
  const auto& proof = resolution.proof;
  if (resolution.outcome == Outcome::elsewhere && !proof.change) return;
  fmt::format_to(out, "proof\n");
  if (resolution.outcome != Outcome::elsewhere) {
    field(out, "zone", fmt::format("{} serial {}", name_text(proof.zone), proof.serial));
    field(out, "DNSSEC", text(proof.dnssec));
    for (const auto& ds : proof.ds) field(out, "DS", ds);
  }
  if (proof.change)
    field(out, "event",
          fmt::format("{} {} at {} ({})", proof.change->seq, proof.change->command,
                      iso8601(proof.change->time), proof.change->id.text()));
}

void publishing(Out out, const PublishTrace& trace) {
  struct Stage {
    std::string_view name;
    Time time;
  };
  const std::array<Stage, 6> stages = {{{"committed", trace.committed},
                                        {"collected", trace.collected},
                                        {"signed", trace.signed_at},
                                        {"checked", trace.checked},
                                        {"durable", trace.durable},
                                        {"shown", trace.shown}}};
  fmt::format_to(out, "published in {} serial {}\n", name_text(trace.zone), trace.serial);
  for (const auto& [name, time] : stages) {
    if (time == Time{}) continue;
    const auto after =
        trace.committed == Time{} ? std::string() : fmt::format("+{} µs", (time - trace.committed).count());
    fmt::format_to(out, "  {:<10} {}  {}\n", name, iso8601(time), after);
  }
}

}  // namespace

std::string resolution_text(const Resolution& resolution, const TextOptions& options) {
  std::string text;
  Out out(text);
  identity(out, resolution);
  answers(out, resolution);
  registry(out, resolution);
  proof(out, resolution);
  if (!options.trace) return text;
  fmt::format_to(out, "steps\n");
  Duration total{};
  for (const auto& step : resolution.steps) {
    fmt::format_to(out, "  {:<10} {:>8} µs  {}\n", step.name, step.took.count(), step.what);
    total += step.took;
  }
  fmt::format_to(out, "  {:<10} {:>8} µs\n", "total", total.count());
  if (resolution.proof.publish) publishing(out, *resolution.proof.publish);
  return text;
}

}  // namespace onoma::resolve
