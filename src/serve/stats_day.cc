#include "serve/stats_day.h"

#include <algorithm>
#include <cmath>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/encoding.h"
#include "wire/name.h"

namespace onoma::serve {
namespace {

constexpr std::string_view kMagic = "onoma statistics 1\n";
constexpr std::size_t kMostDomains = 1 << 20, kMostLoads = 1 << 20;

std::unexpected<Error> damaged(std::string_view what) {
  return fail(Code::corrupt, "the saved statistics are damaged: " + std::string(what));
}

// Just enough of CBOR (RFC 8949) for the dataset: heads, texts, octets.
class Cbor {
 public:
  explicit Cbor(Bytes& out) : writer_(out) {}
  void head(std::uint8_t major, std::uint64_t value) {
    const auto top = static_cast<std::uint8_t>(major << 5);
    if (value < 24) {
      writer_.u8(static_cast<std::uint8_t>(top | value));
    } else if (value < 0x100) {
      writer_.u8(top | 24);
      writer_.u8(static_cast<std::uint8_t>(value));
    } else if (value < 0x10000) {
      writer_.u8(top | 25);
      writer_.u16(static_cast<std::uint16_t>(value));
    } else if (value < 0x100000000U) {
      writer_.u8(top | 26);
      writer_.u32(static_cast<std::uint32_t>(value));
    } else {
      writer_.u8(top | 27);
      writer_.u64(value);
    }
  }
  void number(std::uint64_t value) { head(0, value); }
  void octets(ByteView value) {
    head(2, value.size());
    writer_.bytes(value);
  }
  void text(std::string_view value) {
    head(3, value.size());
    writer_.bytes(as_bytes(value));
  }
  void map(std::uint64_t pairs) { head(5, pairs); }

 private:
  ByteWriter writer_;
};

// Without the final dot, as the dataset wants names; "." for the root.
std::string bare_text(ByteView name) {
  auto text = wire::NameView::trusted(name).text();
  if (text.size() > 1) text.pop_back();
  return text;
}

Result<Hll> read_hll(ByteReader& reader) {
  const auto block = reader.block();
  auto hll = block ? Hll::from_storage(*block) : std::nullopt;
  if (!hll) return damaged("a sketch cannot be read");
  return *hll;
}

}  // namespace

std::string day_text(DayNumber day) {
  return iso8601(Time{std::chrono::days{day}}).substr(0, 10);
}

void StatsDay::merge(const StatsDay& other) {
  counts += other.counts;
  v4.merge(other.v4);
  v6.merge(other.v6);
  v6_networks.merge(other.v6_networks);
  clients.merge(other.clients);
  for (const auto& [name, domain] : other.domains) {
    auto& mine = domains[name];
    mine.queries += domain.queries;
    mine.clients.merge(domain.clients);
    mine.at_least = mine.at_least || domain.at_least;
  }
  for (const auto& [zone, versions] : other.loads)
    for (const auto& [serial, load] : versions) loads[zone][serial] = load;
}

double magnitude_of(std::uint64_t clients, std::uint64_t all_clients) {
  if (clients < 2 || all_clients < 2) return 0;
  return std::min(10.0,
                  10 * std::log(static_cast<double>(clients)) / std::log(static_cast<double>(all_clients)));
}

std::vector<Magnitude> magnitudes(const StatsDay& day, std::size_t most) {
  const auto all = day.clients.count();
  std::vector<Magnitude> out;
  out.reserve(day.domains.size());
  for (const auto& [name, domain] : day.domains) {
    const auto clients = domain.clients.count();
    out.push_back({name, magnitude_of(clients, all), clients, domain.queries, domain.at_least});
  }
  std::sort(out.begin(), out.end(), [](const Magnitude& a, const Magnitude& b) {
    if (a.clients != b.clients) return a.clients > b.clients;
    return a.queries != b.queries ? a.queries > b.queries : a.domain < b.domain;
  });
  if (out.size() > most) out.resize(most);
  return out;
}

Bytes magnitude_dataset(const StatsDay& day, std::size_t most) {
  const auto list = magnitudes(day, most);
  Bytes out;
  Cbor cbor(out);
  cbor.map(6);
  cbor.text("version");
  cbor.number(1);
  cbor.text("date");
  cbor.head(6, 1004);  // a calendar date (RFC 8943)
  cbor.text(day_text(day.day));
  cbor.text("all_clients_hll");
  cbor.octets(day.clients.storage());
  cbor.text("all_clients_count");
  cbor.number(day.clients.count());
  cbor.text("all_queries_count");
  cbor.number(day.counts.packets());
  cbor.text("domains");
  cbor.map(list.size());
  for (const auto& row : list) {
    const auto name = bare_text(row.domain);
    cbor.text(name);
    cbor.map(4);
    cbor.text("domain");
    cbor.text(name);
    cbor.text("clients_hll");
    cbor.octets(day.domains.at(row.domain).clients.storage());
    cbor.text("clients_count");
    cbor.number(row.clients);
    cbor.text("queries_count");
    cbor.number(row.queries);
  }
  return out;
}

// magic, number of cells, cells, four sketches, domains, loads, XXH3 of all before.
Bytes write_state(const StatsDay& day) {
  Bytes out = to_bytes(kMagic);
  ByteWriter writer(out);
  writer.u64(static_cast<std::uint64_t>(day.day));
  writer.u32(StatsCounts::kCells);
  for (const auto cell : day.counts.cells) writer.u64(cell);
  for (const auto* hll : {&day.v4, &day.v6, &day.v6_networks, &day.clients}) writer.block(hll->storage());
  writer.u32(static_cast<std::uint32_t>(day.domains.size()));
  for (const auto& [name, domain] : day.domains) {
    writer.block(name);
    writer.u64(domain.queries);
    writer.u8(domain.at_least ? 1 : 0);
    writer.block(domain.clients.storage());
  }
  std::size_t loads = 0;
  for (const auto& [zone, versions] : day.loads) loads += versions.size();
  writer.u32(static_cast<std::uint32_t>(loads));
  for (const auto& [zone, versions] : day.loads) {
    for (const auto& [serial, load] : versions) {
      writer.block(as_bytes(zone));
      writer.u32(serial);
      writer.u32(load.load_s);
      writer.u64(load.octets);
    }
  }
  writer.u64(XXH3_64bits(out.data(), out.size()));
  return out;
}

Result<StatsDay> read_state(ByteView state) {
  if (state.size() < kMagic.size() + 8 || as_text(state.first(kMagic.size())) != kMagic)
    return damaged("the file does not begin as it should");
  const auto body = state.first(state.size() - 8);
  if (load_u64(body.data() + body.size()) != XXH3_64bits(body.data(), body.size()))
    return damaged("the sum at the end does not fit");
  ByteReader reader(body.subspan(kMagic.size()));
  StatsDay out;
  const auto day = reader.u64();
  const auto cells = reader.u32();
  if (!day || cells != StatsCounts::kCells) return damaged("the counters are those of another version");
  out.day = static_cast<DayNumber>(*day);
  for (auto& cell : out.counts.cells) {
    const auto value = reader.u64();
    if (!value) return damaged("it ends early");
    cell = *value;
  }
  for (auto* hll : {&out.v4, &out.v6, &out.v6_networks, &out.clients}) {
    ONOMA_TRY(*hll, read_hll(reader));
  }
  const auto domains = reader.u32();
  if (!domains || *domains > kMostDomains) return damaged("the number of domains");
  for (std::uint32_t i = 0; i < *domains; ++i) {
    const auto name = reader.block();
    const auto queries = reader.u64();
    const auto at_least = reader.u8();
    if (!name || !queries || !at_least || !wire::Name::from_wire(*name)) return damaged("a domain");
    auto& domain = out.domains[Bytes(name->begin(), name->end())];
    domain.queries = *queries;
    domain.at_least = *at_least != 0;
    ONOMA_TRY(domain.clients, read_hll(reader));
  }
  const auto loads = reader.u32();
  if (!loads || *loads > kMostLoads) return damaged("the number of zone loads");
  for (std::uint32_t i = 0; i < *loads; ++i) {
    const auto zone = reader.block();
    const auto serial = reader.u32();
    const auto load_s = reader.u32();
    const auto octets = reader.u64();
    if (!zone || !serial || !load_s || !octets) return damaged("a zone load");
    out.loads[std::string(as_text(*zone))][*serial] = {*serial, *load_s, *octets};
  }
  if (!reader.done()) return damaged("there is more than there should be");
  return out;
}

}  // namespace onoma::serve
