#include "app/demo.h"

#include <fmt/format.h>

#include "base/encoding.h"

namespace onoma::app {
namespace {

using model::Command;

wire::Name name(const char* text) {
  return wire::Name::parse(text).value();
}

model::Tld zone(const char* tld, const char* host) {
  model::Tld out{.name = name(tld), .mname = name(host), .rname = name("hostmaster.nic.test.")};
  out.apex = {{.type = wire::RRType::NS, .ttl_s = 3600, .data = host}};
  out.denial = model::DenialPolicy::nsec3;
  out.test_zone = true;
  return out;
}

model::Value value(std::uint32_t index, const char* type, const char* data) {
  return {.index = index, .type = type, .data = to_bytes(data)};
}

std::vector<Command> demo_commands() {
  auto test = zone("test.", "ns1.nic.test.");
  test.identifier_apex = name("id.test.");
  const auto ds = [] {
    return model::DsData{
        .key_tag = 31589,
        .algorithm = 13,
        .digest_type = 2,
        .digest = from_hex("cde0d742d6998aa554a92d890f8184c698cfac8a26fa59875a990c03e576343c").value()};
  };
  std::vector<Command> out;
  out.emplace_back(model::TldCreate{test});
  out.emplace_back(model::TldCreate{zone("xn--0zwm56d.", "ns1.nic.test.")});
  out.emplace_back(model::RegistrarCreate{
      {.id = "demo-registrar", .name = "Demo Registrar", .tlds = {"test", "xn--0zwm56d"}}});
  out.emplace_back(model::ContactCreate{
      .id = "demo-contact",
      .data = {{{"name", "Ada Example"}, {"email", "ada@example.test"}, {"city", "Xiamen"}, {"cc", "CN"}}}});
  out.emplace_back(model::DomainCreate{.name = "nic.test",
                                       .name_servers = {"ns1.nic.test"},
                                       .glue = {{.host = "ns1.nic.test", .addresses = {"127.0.0.1", "::1"}}},
                                       .ds = {},
                                       .registrant = {},
                                       .years = {}});
  out.emplace_back(
      model::DomainCreate{.name = "shop.test",
                          .name_servers = {"ns1.shop.test", "ns2.hosting.example"},
                          .glue = {{.host = "ns1.shop.test", .addresses = {"192.0.2.53", "2001:db8::53"}}},
                          .ds = {ds()},
                          .registrant = "demo-contact",
                          .years = {}});
  out.emplace_back(model::DomainCreate{.name = "商店.测试",
                                       .name_servers = {"ns1.shop.test", "ns2.hosting.example"},
                                       .glue = {},
                                       .ds = {},
                                       .registrant = "demo-contact",
                                       .years = {}});
  out.emplace_back(model::DomainCreate{
      .name = "weather-agent.test", .name_servers = {}, .glue = {}, .ds = {}, .registrant = {}, .years = {}});
  out.emplace_back(model::IdentifierCreate{
      .identifier = "10.1000/182",
      .scheme = "hdl",
      .values = {value(1, "URL", "https://www.example.net/handbook"), value(2, "DESC", "A handbook")}});
  out.emplace_back(
      model::IdentifierCreate{.identifier = "88.100.1/SN-000123",
                              .scheme = "hdl",
                              .values = {value(1, "URL", "https://factory.example.net/parts/SN-000123"),
                                         value(2, "DESC", "工业设备 001")}});
  out.emplace_back(model::IdentifierCreate{.identifier = "1.3.6.1.4.1.32473.7",
                                           .scheme = "oid",
                                           .values = {value(1, "URL", "https://www.example.net/oid/7")}});
  out.emplace_back(model::IdentifierCreate{
      .identifier = "weather-agent.test",
      .scheme = "domain",
      .values = {value(1, "DNS.SVCB", "1 agent.example.net. alpn=h2 port=443"),
                 value(2, "URL", "https://agent.example.net/.well-known/agent-card.json")}});
  return out;
}

}  // namespace

Result<void> fill_demo(model::CommandPort& registry, model::ReaderSource& readers, const std::string& actor,
                       const Clock& clock, Rng& rng) {
  {
    ONOMA_TRY(const auto reader, readers.open());
    ONOMA_TRY(const auto tlds, reader->tlds());
    if (!tlds.empty()) return {};
  }
  for (auto& command : demo_commands()) {
    const auto what = std::string(model::command_name(command));
    const auto done = registry.run(std::move(command), {.id = Id128::make(clock.now(), rng), .actor = actor});
    if (!done) return fail_in(fmt::format("the demonstration's {}", what), done.error());
  }
  return {};
}

std::string demo_hints(const std::string& dns, const std::string& http) {
  const auto colon = dns.rfind(':');
  const auto at = fmt::format("@{} -p {}", dns.substr(0, colon), dns.substr(colon + 1));
  return fmt::format(
      "\nOnoma is running. In another terminal, in this directory, try:\n\n"
      "  build/release/onoma domain create hello.test --ns ns1.hello.test --glue ns1.hello.test=192.0.2.1\n"
      "  build/release/onoma domain create 你好.测试 --ns ns1.hello.test\n"
      "  dig {0} +dnssec hello.test NS\n"
      "  build/release/onoma resolve 你好.测试 --trace\n"
      "  build/release/onoma identifier create 10.1000/hello --value URL=https://www.example.net/\n"
      "  build/release/onoma resolve doi:10.1000/hello --trace\n"
      "  curl -s http://{1}/r/10.1000/182?format=json\n\n"
      "Ctrl-C stops it. The data stay in ./onoma-data; remove that directory to start afresh.\n",
      at, http);
}

}  // namespace onoma::app
