#include "app/zone_import.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unordered_set>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/object_requests.h"
#include "model/json.h"
#include "wire/rrtype.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

// How long to wait for the zone to be signed, checked and shown.
constexpr auto kPublishPatience = std::chrono::minutes{10};

Result<std::string> read_file(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::bad_request, fmt::format("cannot read {}", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// What the registry holds of the zone.
struct Present {
  model::Tld tld;
  std::string tld_etag;
  std::vector<model::Domain> domains;
  std::vector<model::Host> hosts;  // those inside the zone
};

Result<std::optional<model::Tld>> find_tld(Client& client, const Name& zone, std::string& etag) {
  auto reply = client.get("/v1/tlds/" + encoded(model::name_text(zone)));
  if (!reply && reply.error().code == Code::not_found) return std::optional<model::Tld>{};
  if (!reply) return std::unexpected(std::move(reply).error());
  etag = reply->etag;
  ONOMA_TRY(auto tld, model::tld_from_json(reply->body));
  return std::optional<model::Tld>(std::move(tld));
}

Result<void> each_page(Client& client, std::string target,
                       const std::function<Result<void>(const std::string&)>& visit) {
  while (!target.empty()) {
    ONOMA_TRY(const auto reply, client.get(target));
    ONOMA_TRY(const auto page, read_page(reply.body));
    for (const auto& item : page.items) ONOMA_TRY_VOID(visit(json::serialize(item)));
    target = page.next;
  }
  return {};
}

// Hosts below a deeper zone of ours are that zone's business.
Result<std::vector<Name>> zones_below(Client& client, const Name& zone) {
  ONOMA_TRY(const auto reply, client.get("/v1/tlds"));
  ONOMA_TRY(const auto page, read_page(reply.body));
  std::vector<Name> out;
  for (const auto& item : page.items) {
    ONOMA_TRY(const auto tld, model::tld_from_json(json::serialize(item)));
    if (tld.name.view().is_below(zone)) out.push_back(tld.name);
  }
  return out;
}

Result<void> read_present(Client& client, Present& out) {
  const auto& zone = out.tld.name;
  ONOMA_TRY(const auto deeper, zones_below(client, zone));
  ONOMA_TRY_VOID(each_page(client, "/v1/domains?limit=1000", [&](const std::string& text) -> Result<void> {
    ONOMA_TRY(auto domain, model::domain_from_json(text));
    if (domain.tld == zone) out.domains.push_back(std::move(domain));
    return {};
  }));
  return each_page(client, "/v1/hosts?limit=1000", [&](const std::string& text) -> Result<void> {
    ONOMA_TRY(auto host, model::host_from_json(text));
    const auto inside = [&](const Name& name) { return host.name.is_at_or_below(name); };
    if (inside(zone) && std::ranges::none_of(deeper, inside)) out.hosts.push_back(std::move(host));
    return {};
  });
}

FoundDelegation as_found(const model::Domain& domain, const model::Tld& tld) {
  FoundDelegation out{.name = domain.name, .name_servers = domain.name_servers, .ds = domain.ds};
  out.ns_ttl_s = domain.ns_ttl_s.value_or(tld.ns_ttl_s);
  if (!out.ds.empty()) out.ds_ttl_s = domain.ds_ttl_s.value_or(tld.ds_ttl_s);
  return out;
}

FoundHost as_found(const model::Host& host, const model::Tld& tld) {
  FoundHost out{.name = host.name, .addresses = host.addresses};
  for (const auto& address : host.addresses) {
    const bool v6 = address.find(':') != std::string::npos;
    (v6 ? out.aaaa_ttl_s : out.a_ttl_s) = (v6 ? host.aaaa_ttl_s : host.a_ttl_s).value_or(tld.address_ttl_s);
  }
  return out;
}

bool same_apex(const ZoneContents& contents, const model::Tld& tld) {
  const auto& soa = contents.soa;
  if (!(soa.mname == tld.mname && soa.rname == tld.rname && soa.refresh_s == tld.refresh_s &&
        soa.retry_s == tld.retry_s && soa.expire_s == tld.expire_s && soa.minimum_s == tld.minimum_s &&
        contents.soa_ttl_s == tld.soa_ttl_s))
    return false;
  // The same records in any order and spelling.
  const auto lines = [](const std::vector<model::ApexRecord>& records) {
    std::vector<std::string> out;
    for (const auto& record : records) {
      const auto rdata = wire::parse_rdata(record.type, record.data, {});
      out.push_back(fmt::format("{} {} {} {}", record.name ? record.name->text() : "@",
                                wire::type_text(record.type), record.ttl_s,
                                rdata ? wire::rdata_text(record.type, *rdata) : record.data));
    }
    std::ranges::sort(out);
    return out;
  };
  return lines(contents.apex) == lines(tld.apex);
}

// The tld's own members with the file's over them.
Result<std::string> updated_tld(const ZoneContents& contents, const model::Tld& tld,
                                const std::string& denial) {
  ONOMA_TRY(auto object, read_object(model::to_json(tld)));
  ONOMA_TRY(const auto found, read_object(tld_json(contents, {}, false)));
  object = without_origin(std::move(object));
  object.erase("name");
  for (const auto& [name, value] : found) object[name] = value;
  if (!denial.empty()) object["denial"] = denial;
  return json::serialize(object);
}

// What is sent, in the order that leaves no reference hanging: hosts, delegations, then what goes.
struct Plan {
  ImportGroup hosts{"hosts", {}}, delegations{"delegations", {}}, gone_delegations{"delegations", {}},
      gone_hosts{"hosts", {}};
  std::size_t size() const {
    return hosts.objects.size() + delegations.objects.size() + gone_delegations.objects.size() +
           gone_hosts.objects.size();
  }
};

Plan everything(const ZoneContents& contents) {
  Plan plan;
  for (const auto& host : contents.hosts) plan.hosts.objects.push_back(host_json(host));
  for (const auto& one : contents.delegations) plan.delegations.objects.push_back(delegation_json(one));
  return plan;
}

Plan changes(const ZoneContents& contents, const Present& present) {
  Plan plan;
  std::unordered_set<Name> same_hosts, same_delegations;
  for (const auto& host : present.hosts) {
    const auto found = contents.host_at.find(host.name);
    if (found == contents.host_at.end()) {
      // A name server that the file gives no address to is no host that went.
      if (!host.addresses.empty()) plan.gone_hosts.objects.push_back(removal_json(host.name));
    } else if (contents.hosts[found->second] == as_found(host, present.tld)) {
      same_hosts.insert(host.name);
    }
  }
  for (const auto& domain : present.domains) {
    const auto found = contents.delegation_at.find(domain.name);
    if (found == contents.delegation_at.end())
      plan.gone_delegations.objects.push_back(removal_json(domain.name));
    else if (contents.delegations[found->second] == as_found(domain, present.tld))
      same_delegations.insert(domain.name);
  }
  for (const auto& host : contents.hosts)
    if (!same_hosts.contains(host.name)) plan.hosts.objects.push_back(host_json(host));
  for (const auto& one : contents.delegations)
    if (!same_delegations.contains(one.name)) plan.delegations.objects.push_back(delegation_json(one));
  return plan;
}

Result<void> check_removals(const Plan& plan, const Present& present, bool allowed) {
  const auto gone = plan.gone_delegations.objects.size(), all = present.domains.size();
  if (allowed || gone * 2 <= all) return {};
  return fail(Code::policy_refused, fmt::format("the file would remove {} of {} delegations, more than half; "
                                                "if that is meant, add --allow-mass-removal",
                                                gone, all));
}

// Waits until every zone has worked through the last event, and looks at the zone.
Result<void> wait_until_shown(Client& client, const Name& zone, std::uint64_t event, ImportReport& report) {
  const auto deadline = std::chrono::steady_clock::now() + kPublishPatience;
  const auto name = model::name_text(zone);
  do {
    ONOMA_TRY(const auto reply, client.get(fmt::format("/v1/events/{}?wait=visible", event)));
    ONOMA_TRY(const auto shown, read_object(reply.body));
    const auto* word = shown.if_contains("visibility");
    report.visibility = word && word->is_string() ? std::string(word->as_string()) : "pending";
  } while (report.visibility == "pending" && std::chrono::steady_clock::now() < deadline);
  auto reply = client.get("/v1/zones/" + encoded(name));
  if (!reply && reply.error().code == Code::not_found) return {};
  if (!reply) return std::unexpected(std::move(reply).error());
  report.zone_json = reply->body;
  ONOMA_TRY(const auto status, read_object(reply->body));
  const auto* state = status.if_contains("state");
  if (state && (*state == "held" || *state == "failing")) report.visibility = "held";
  return {};
}

// The seq in the outcome of a write.
Result<std::uint64_t> seq_of(const Reply& reply) {
  ONOMA_TRY(const auto outcome, read_object(reply.body));
  const auto* seq = outcome.if_contains("seq");
  return seq && seq->is_number() ? seq->to_number<std::uint64_t>() : 0;
}

}  // namespace

Result<ImportReport> import_zone(const Access& access, const ImportOptions& options,
                                 const std::function<void(std::size_t, std::size_t)>& progress) {
  const auto begin = std::chrono::steady_clock::now();
  ONOMA_TRY(const auto text, read_file(options.file));
  ONOMA_TRY(const auto contents, read_contents(text, options.zone, options.file));
  ImportReport report;
  report.serial = contents.soa.serial;
  report.delegations = contents.delegations.size();
  report.hosts = contents.hosts.size();
  report.records = contents.records;
  report.left_out = contents.left_out;
  for (const auto& one : contents.delegations) report.ds_sets += one.ds.empty() ? 0 : 1;

  ONOMA_TRY(auto client, Client::open(access));
  Present present;
  std::uint64_t tld_event = 0;
  ONOMA_TRY(auto tld, find_tld(client, contents.zone, present.tld_etag));
  if (!tld && options.diff)
    return fail(Code::not_found,
                fmt::format("the registry does not operate {}; import its first version without --diff",
                            model::name_text(contents.zone)));
  if (!tld) {
    const auto denial = options.denial.empty() ? contents.denial : options.denial;
    ONOMA_TRY(const auto reply, client.send("POST", "/v1/tlds", tld_json(contents, denial, true)));
    ONOMA_TRY(tld_event, seq_of(reply));
    report.tld_created = true;
  } else {
    present.tld = *std::move(tld);
  }

  Plan plan;
  if (options.diff) {
    ONOMA_TRY_VOID(read_present(client, present));
    plan = changes(contents, present);
    ONOMA_TRY_VOID(check_removals(plan, present, options.allow_mass_removal));
    if (!same_apex(contents, present.tld) || !options.denial.empty()) {
      ONOMA_TRY(const auto body, updated_tld(contents, present.tld, options.denial));
      const auto path = "/v1/tlds/" + encoded(model::name_text(contents.zone));
      ONOMA_TRY(const auto reply, client.send("PUT", path, body, {.if_match = present.tld_etag}));
      ONOMA_TRY(tld_event, seq_of(reply));
      report.tld_changed = true;
    }
  } else {
    plan = everything(contents);
  }
  report.sent = plan.size();
  report.removed_delegations = plan.gone_delegations.objects.size();
  report.removed_hosts = plan.gone_hosts.objects.size();
  ImportSender sender(access, model::name_text(contents.zone),
                      [&](std::size_t done) { progress(done, plan.size()); });
  for (const auto* group : {&plan.hosts, &plan.delegations, &plan.gone_delegations, &plan.gone_hosts})
    if (!group->objects.empty()) ONOMA_TRY_VOID(sender.send(*group));
  report.totals = sender.totals();
  report.registered_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  report.totals.last_seq = std::max(report.totals.last_seq, tld_event);
  report.visibility = "unchanged";
  if (report.totals.last_seq != 0)
    ONOMA_TRY_VOID(wait_until_shown(client, contents.zone, report.totals.last_seq, report));
  return report;
}

}  // namespace onoma::app
