#include "serve/stats_report.h"

#include <array>
#include <iterator>

#include <fmt/format.h>

#include "os/address.h"
#include "wire/name.h"
#include "wire/rrtype.h"

namespace onoma::serve {
namespace {

using C = StatsCounts;
constexpr std::array<std::string_view, 3> kTransports{"udp", "tcp", "tls"};

std::string type_name(std::size_t type) {
  return type + 1 == C::kTypes ? "other" : wire::type_text(wire::RRType(static_cast<std::uint16_t>(type)));
}
std::string rcode_name(std::size_t code) {
  return code + 1 == C::kRcodes ? "other" : wire::rcode_text(wire::Rcode(static_cast<std::uint16_t>(code)));
}

// Names are shown in master-file form, in which everything but printable ASCII is escaped.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}
std::string name_text(ByteView name) {
  const auto read = wire::Name::from_wire(name);
  return read ? read->text() : "?";
}
std::string source_text(ByteView key) {
  std::array<std::uint8_t, 16> octets{};
  std::copy(key.begin(), key.end(), octets.begin());
  const auto size = key.size() <= 4 ? 4U : 16U;
  const auto endpoint = os::Endpoint::from_bytes(ByteView(octets).first(size), 0);
  if (!endpoint) return "?";
  return key.size() == 4 || key.size() == 16 ? endpoint->address_text()
                                             : fmt::format("{}/{}", endpoint->address_text(), key.size() * 8);
}

// `"label": value` of every value that is not zero.
template <class Name, class Value>
std::string object(std::size_t size, Name name, Value value) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i)
    if (const std::uint64_t number = value(i); number > 0)
      out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ",", name(i), number);
  return "{" + out + "}";
}

std::uint64_t of_type(const C& counts, std::size_t type) {
  return counts.cells[C::kQtypes + type];
}

std::string entries_json(const std::vector<TopEntry>& entries, std::string_view key,
                         std::string (*text)(ByteView)) {
  std::string out;
  for (const auto& entry : entries)
    out += fmt::format("{}{{\"{}\":{},\"count\":{},\"error\":{}}}", out.empty() ? "" : ",", key,
                       quoted(text(entry.key)), entry.count, entry.error);
  return "[" + out + "]";
}

struct Facts {
  std::string_view name, type, labels, help;
};
constexpr std::array kFacts{
#define X(name, type, labels, help) Facts{#name, #type, labels, help},
    ONOMA_STATS_METRIC_TABLE(X)
#undef X
};
enum class Row : std::uint8_t {
#define X(name, ...) name,
  ONOMA_STATS_METRIC_TABLE(X)
#undef X
};

class MetricsText {
 public:
  void begin(Row row) {
    facts_ = &kFacts.at(static_cast<std::size_t>(row));
    fmt::format_to(std::back_inserter(out_), "# HELP {0} {1}\n# TYPE {0} {2}\n", facts_->name, facts_->help,
                   facts_->type);
  }
  void add(std::string_view labels, std::uint64_t value, std::string_view suffix = {}) {
    fmt::format_to(std::back_inserter(out_), "{}{}{{{}}} {}\n", facts_->name, suffix, labels, value);
  }
  void plain(std::string_view suffix, std::string_view value) {
    fmt::format_to(std::back_inserter(out_), "{}{} {}\n", facts_->name, suffix, value);
  }
  std::string take() { return std::move(out_); }

 private:
  const Facts* facts_ = nullptr;
  std::string out_;
};

}  // namespace

std::string stats_metrics_text(const StatsCounts& counts, const StatsDay& today) {
  MetricsText text;
  text.begin(Row::onoma_dns_requests_total);
  for (std::size_t transport = 0; transport < kTransports.size(); ++transport)
    for (const int v6 : {0, 1})
      text.add(fmt::format("transport=\"{}\",family=\"ipv{}\"", kTransports[transport], v6 == 1 ? 6 : 4),
               counts.packets(0, static_cast<int>(transport), v6));
  text.begin(Row::onoma_dns_responses_total);
  for (std::size_t code = 0; code < C::kRcodes; ++code)
    if (const auto count = counts.rcode(code); count > 0 || code < 6)
      text.add(fmt::format("rcode=\"{}\"", rcode_name(code)), count);
  text.begin(Row::onoma_dns_questions_total);
  for (std::size_t type = 0; type < C::kTypes; ++type)
    if (of_type(counts, type) > 0)
      text.add(fmt::format("type=\"{}\"", type_name(type)), of_type(counts, type));
  text.begin(Row::onoma_dns_opcodes_total);
  for (std::size_t opcode = 0; opcode < 16; ++opcode)
    if (counts.opcode(opcode) > 0 || opcode == 0)
      text.add(fmt::format("opcode=\"{}\"", opcode), counts.opcode(opcode));
  text.begin(Row::onoma_dns_features_total);
  text.add("feature=\"edns\"", counts.packets(C::kEdns));
  text.add("feature=\"do\"", counts.packets(C::kDo));
  text.add("feature=\"tc\"", counts.packets(C::kTc));
  text.begin(Row::onoma_dns_octets_total);
  text.add("direction=\"in\"", counts.cells[C::kRequestOctets]);
  text.add("direction=\"out\"", counts.cells[C::kResponseOctets]);
  text.begin(Row::onoma_dns_service_seconds);
  for (unsigned power = 10; power < LatencyScale::kHighest; ++power) {
    const auto ns = std::uint64_t{1} << power;
    text.add(fmt::format("le=\"{:.9g}\"", static_cast<double>(ns) / 1e9), counts.latency_below(ns),
             "_bucket");
  }
  text.add("le=\"+Inf\"", counts.latency_count(), "_bucket");
  text.plain("_sum", fmt::format("{:.9g}", static_cast<double>(counts.cells[C::kLatencySum]) / 1e9));
  text.plain("_count", fmt::format("{}", counts.latency_count()));
  text.begin(Row::onoma_dns_sources);
  text.add("family=\"ipv4\"", today.v4.count());
  text.add("family=\"ipv6\"", today.v6.count());
  return text.take();
}

std::string stats_metrics_markdown() {
  std::string out;
  for (const auto& [name, type, labels, help] : kFacts)
    out += fmt::format("| `{}` | {} | {} | {} |\n", name, type, labels, help);
  return out;
}

std::string stats_json(const Statistics& statistics) {
  const auto counts = statistics.counts();
  const auto today = statistics.today(false);
  const auto transport_name = [](std::size_t i) { return kTransports[i]; };
  const auto latency = [&](double q) { return counts.latency_quantile(q); };
  std::string out = fmt::format("{{\"started\":\"{}\",\"day\":\"{}\",\"requests\":{},\"responses\":{},",
                                iso8601(statistics.started()), day_text(today.day), counts.packets(),
                                counts.packets(C::kReplied));
  out += fmt::format(
      "\"ipv4\":{},\"ipv6\":{},\"edns\":{},\"do\":{},\"tc\":{},\"octets_in\":{},\"octets_out\":{},",
      counts.packets(0, -1, 0), counts.packets(0, -1, 1), counts.packets(C::kEdns), counts.packets(C::kDo),
      counts.packets(C::kTc), counts.cells[C::kRequestOctets], counts.cells[C::kResponseOctets]);
  out += fmt::format("\"transports\":{},", object(3, transport_name, [&](std::size_t i) {
                       return counts.packets(0, static_cast<int>(i));
                     }));
  out += fmt::format("\"rcodes\":{},",
                     object(C::kRcodes, rcode_name, [&](std::size_t i) { return counts.rcode(i); }));
  out += fmt::format("\"opcodes\":{},", object(
                                            16, [](std::size_t i) { return fmt::format("{}", i); },
                                            [&](std::size_t i) { return counts.opcode(i); }));
  out += fmt::format("\"types\":{},",
                     object(C::kTypes, type_name, [&](std::size_t i) { return of_type(counts, i); }));
  out += fmt::format("\"service_ns\":{{\"p50\":{},\"p90\":{},\"p99\":{},\"p999\":{},\"p9999\":{}}},",
                     latency(0.5), latency(0.9), latency(0.99), latency(0.999), latency(0.9999));
  out += fmt::format("\"sources_today\":{{\"ipv4\":{},\"ipv6\":{},\"ipv6_64\":{},\"clients\":{}}}}}",
                     today.v4.count(), today.v6.count(), today.v6_networks.count(), today.clients.count());
  return out;
}

std::string top_json(const Statistics& statistics, std::size_t most) {
  const auto top = statistics.top(most);
  return fmt::format("{{\"names\":{},\"enclosers\":{},\"addresses\":{},\"networks\":{}}}",
                     entries_json(top.names, "name", name_text),
                     entries_json(top.enclosers, "name", name_text),
                     entries_json(top.addresses, "address", source_text),
                     entries_json(top.networks, "network", source_text));
}

std::string magnitude_json(const Statistics& statistics, std::size_t most) {
  const auto today = statistics.today();
  std::string rows;
  for (const auto& row : magnitudes(today, most)) {
    auto name = name_text(row.domain);
    if (name.size() > 1) name.pop_back();
    rows += fmt::format(
        "{}{{\"domain\":{},\"magnitude\":{:.6f},\"uniqueClients\":{},\"queryVolume\":{},\"atLeast\":{}}}",
        rows.empty() ? "" : ",", quoted(name), row.magnitude, row.clients, row.queries, row.at_least);
  }
  return fmt::format(
      "{{\"date\":\"{}\",\"totalUniqueClients\":{},\"totalQueryVolume\":{},\"magnitudeData\":[{}]}}",
      day_text(today.day), today.clients.count(), today.counts.packets(), rows);
}

std::string stats_text(const Statistics& statistics) {
  const auto counts = statistics.counts();
  const auto today = statistics.today(false);
  std::string out = fmt::format(
      "since {}\nrequests {}, answered {}, over IPv6 {}, with EDNS {}, with DO {}, cut {}\n",
      iso8601(statistics.started()), counts.packets(), counts.packets(C::kReplied), counts.packets(0, -1, 1),
      counts.packets(C::kEdns), counts.packets(C::kDo), counts.packets(C::kTc));
  for (std::size_t i = 0; i < kTransports.size(); ++i)
    out += fmt::format("{}{} {}", i == 0 ? "" : ", ", kTransports[i], counts.packets(0, static_cast<int>(i)));
  out += "\nresponse codes:";
  for (std::size_t code = 0; code < C::kRcodes; ++code)
    if (counts.rcode(code) > 0) out += fmt::format(" {} {}", rcode_name(code), counts.rcode(code));
  out += "\ntypes:";
  for (std::size_t type = 0; type < C::kTypes; ++type)
    if (of_type(counts, type) > 0) out += fmt::format(" {} {}", type_name(type), of_type(counts, type));
  const auto us = [&](double q) { return static_cast<double>(counts.latency_quantile(q)) / 1000; };
  out += fmt::format("\nservice time, µs: half within {:.1f}, 99 % within {:.1f}, 99.9 % within {:.1f}\n",
                     us(0.5), us(0.99), us(0.999));
  return out + fmt::format("sources today, about: {} IPv4, {} IPv6 in {} networks of 64 bits\n",
                           today.v4.count(), today.v6.count(), today.v6_networks.count());
}

std::string top_text(const Statistics& statistics, std::size_t most) {
  const auto top = statistics.top(most);
  std::string out;
  const auto list = [&](std::string_view title, const std::vector<TopEntry>& entries, auto text) {
    out += fmt::format("{}\n", title);
    for (const auto& entry : entries) out += fmt::format("{:>14}  {}\n", entry.count, text(entry.key));
  };
  list("names", top.names, name_text);
  list("closest enclosers", top.enclosers, name_text);
  list("addresses", top.addresses, source_text);
  list("networks", top.networks, source_text);
  return out;
}

}  // namespace onoma::serve
