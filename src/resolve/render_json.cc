// A Resolution as JSON. Objects of the registry are written by the registry's own codec, so that a domain
// looks the same here and at the REST door.
#include <boost/json.hpp>

#include "base/encoding.h"
#include "model/json.h"
#include "resolve/resolver.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::resolve {
namespace {

namespace json = boost::json;
using model::name_text;

json::array strings(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& one : texts) out.emplace_back(one);
  return out;
}

json::object set_json(const wire::RRset& set) {
  json::object out;
  out["owner"] = name_text(set.owner);
  out["type"] = wire::type_text(set.type);
  out["ttl"] = set.ttl;
  json::array data;
  for (const auto& rdata : set.rdatas) data.emplace_back(wire::rdata_text(set.type, rdata));
  out["data"] = std::move(data);
  return out;
}

json::object found_json(const FoundSet& found) {
  auto out = set_json(found.set);
  out["signed"] = !found.set.signatures.empty();
  out["dnssec"] = token(found.status);
  return out;
}

json::object identifier_json(const ident::Identifier& identifier) {
  json::object out;
  out["scheme"] = identifier.scheme;
  out["canonical"] = identifier.canonical;
  out["display"] = identifier.display;
  out["prefix"] = identifier.prefix;
  out["suffix"] = identifier.suffix;
  out["is_prefix"] = identifier.is_prefix;
  json::array parts;  // names may repeat ("arc")
  for (const auto& [name, value] : identifier.parts) parts.push_back({{"name", name}, {"value", value}});
  out["parts"] = std::move(parts);
  out["warnings"] = strings(identifier.warnings);
  return out;
}

json::object delegation_json(const Delegation& delegation) {
  json::object out;
  out["cut"] = name_text(delegation.cut);
  out["name_servers"] = set_json(delegation.name_servers);
  out["ds"] = delegation.ds ? json::value(found_json(*delegation.ds)) : json::value(nullptr);
  json::array glue;
  for (const auto& set : delegation.glue) glue.push_back(set_json(set));
  out["glue"] = std::move(glue);
  return out;
}

json::object denial_json(const DenialSummary& denial) {
  constexpr std::string_view kKinds[] = {"none", "nsec", "nsec3"};
  json::object out;
  out["kind"] = kKinds[static_cast<std::size_t>(denial.absence.kind)];
  out["complete"] = denial.absence.complete;
  out["opt_out"] = denial.absence.opt_out;
  out["dnssec"] = token(denial.status);
  json::array records;
  for (std::size_t i = 0; i < denial.absence.records.size(); ++i) {
    auto record = set_json(denial.absence.records[i]);
    record["says"] = denial.absence.statements[i];
    records.push_back(std::move(record));
  }
  out["records"] = std::move(records);
  return out;
}

// The codec's text is JSON; were it not, it is shown as text rather than lost.
json::value nested(const std::string& text) {
  json::error_code error;
  auto value = json::parse(text, error);
  return error ? json::value(text) : value;
}

json::object registry_json(const Resolution& resolution) {
  json::object out;
  out["seq"] = resolution.registry_seq;
  if (resolution.domain) out["domain"] = nested(model::to_json(*resolution.domain));
  json::array identifiers;
  for (const auto& identifier : resolution.identifiers)
    identifiers.push_back(nested(model::to_json(identifier)));
  out["identifiers"] = std::move(identifiers);
  if (resolution.operated_zone) out["operated_zone"] = name_text(*resolution.operated_zone);
  return out;
}

json::object publish_json(const PublishTrace& trace) {
  json::object out;
  out["zone"] = name_text(trace.zone);
  out["serial"] = trace.serial;
  const auto put = [&](std::string_view name, Time time) {
    if (time != Time{}) out[name] = iso8601(time);
  };
  put("committed", trace.committed);
  put("collected", trace.collected);
  put("signed", trace.signed_at);
  put("checked", trace.checked);
  put("durable", trace.durable);
  put("shown", trace.shown);
  return out;
}

json::object proof_json(const Resolution& resolution) {
  const auto& proof = resolution.proof;
  json::object out;
  if (proof.change) {
    json::object change;
    change["seq"] = proof.change->seq;
    change["id"] = proof.change->id.text();
    change["time"] = iso8601(proof.change->time);
    change["command"] = proof.change->command;
    out["event"] = std::move(change);
  } else {
    out["event"] = nullptr;
  }
  if (resolution.outcome != Outcome::elsewhere) {
    out["zone"] = name_text(proof.zone);
    out["serial"] = proof.serial;
    out["dnssec"] = token(proof.dnssec);
    out["dnssec_text"] = text(proof.dnssec);
    out["ds"] = strings(proof.ds);
  }
  if (proof.publish) out["publish"] = publish_json(*proof.publish);
  return out;
}

}  // namespace

std::string resolution_json(const Resolution& resolution) {
  json::object out;
  out["query"] = resolution.query;
  out["identifier"] = identifier_json(resolution.identifier);
  out["dns_name"] = name_text(resolution.dns_name);
  out["kind"] = resolution.kind;
  out["outcome"] = token(resolution.outcome);
  json::array records;
  for (const auto& found : resolution.records) records.push_back(found_json(found));
  out["records"] = std::move(records);
  if (resolution.from_wildcard) out["from_wildcard"] = name_text(*resolution.from_wildcard);
  if (resolution.redirected_by) out["redirected_by"] = name_text(*resolution.redirected_by);
  if (resolution.delegation) out["delegation"] = delegation_json(*resolution.delegation);
  if (resolution.denial) out["denial"] = denial_json(*resolution.denial);
  out["registry"] = registry_json(resolution);
  out["proof"] = proof_json(resolution);
  json::array steps;
  for (const auto& step : resolution.steps)
    steps.push_back({{"name", step.name}, {"what", step.what}, {"us", step.took.count()}});
  out["steps"] = std::move(steps);
  return json::serialize(out);
}

}  // namespace onoma::resolve
