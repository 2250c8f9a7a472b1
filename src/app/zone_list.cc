#include "app/zone_list.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/zone_tools.h"
#include "os/durable_file.h"

namespace onoma::app {

using publish::ZoneOrigin;

namespace {

constexpr std::uint64_t kListMaxOctets = std::uint64_t{4} << 30;
constexpr std::size_t kBlockOctets = 1U << 20;
constexpr std::size_t kProblemsMax = 5;
constexpr std::string_view kStateMark = "onoma-zones-1\n";

// Names that need no look into the tables of Unicode: lower-case letters, digits, hyphens, no A-label.
bool is_plain(std::string_view text) {
  return !text.empty() && text != "." && text.find("--") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

std::string_view next_word(std::string_view& line) {
  constexpr std::string_view kSpace = " \t\r";
  const auto start = std::min(line.find_first_not_of(kSpace), line.size());
  line.remove_prefix(start);
  const auto end = std::min(line.find_first_of(kSpace), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

struct NameHash {
  std::size_t operator()(const wire::NameView& name) const {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const auto octet : name.wire()) hash = (hash ^ wire::ascii_lower(octet)) * 0x100000001b3U;
    return static_cast<std::size_t>(hash ^ hash >> 32);
  }
};
struct NameEqual {
  bool operator()(const wire::NameView& a, const wire::NameView& b) const { return wire::equal(a, b); }
};

}  // namespace

Result<wire::NameView> ZoneList::keep_name(std::string_view text) {
  wire::Name name;
  if (auto plain = is_plain(text) ? wire::Name::parse(text) : std::unexpected(wire::WireError{}); plain) {
    name = std::move(*plain);
  } else {
    ONOMA_TRY(name, zone_name(std::string(text)));
  }
  if (block_left_ < name.size()) {
    blocks_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(kBlockOctets));
    block_left_ = kBlockOctets;
  }
  auto* at = blocks_.back().get() + (kBlockOctets - block_left_);
  std::memcpy(at, name.wire().data(), name.size());
  block_left_ -= name.size();
  return wire::NameView::trusted({at, name.size()});
}

Result<void> ZoneList::add_argument(const std::string& text) {
  const auto sign = text.find('=');
  if (sign == std::string::npos || sign + 1 == text.size())
    return fail(Code::bad_syntax, fmt::format("--zone {}: expected NAME=FILE, such as gov=gov.zone", text));
  ONOMA_TRY(const auto name, keep_name(std::string_view(text).substr(0, sign)));
  for (const auto& known : zones_)
    if (wire::equal(known.zone, name))
      return fail(Code::bad_request, fmt::format("--zone {}: this zone was given before", text));
  const auto file = as_bytes(text).subspan(sign + 1);
  texts_.push_back(std::make_unique<Bytes>(file.begin(), file.end()));
  zones_.push_back({name, as_text(*texts_.back()), ZoneOrigin::argument});
  return {};
}

Result<void> ZoneList::read_line(std::string_view line) {
  const auto name = next_word(line);
  if (name.empty() || name.starts_with('#')) return {};
  const auto file = next_word(line);
  if (file.empty() || !next_word(line).empty()) return fail(Code::bad_syntax, "expected NAME FILE");
  if (file.size() > publish::FileZone::kFileMax)
    return fail(Code::out_of_range,
                fmt::format("the path is longer than {} octets", publish::FileZone::kFileMax));
  ONOMA_TRY(const auto zone, keep_name(name));
  zones_.push_back({zone, file, ZoneOrigin::list});
  return {};
}

Result<void> ZoneList::add_file(const std::string& path) {
  auto read = os::read_file(path, kListMaxOctets);
  if (!read) return fail(Code::bad_request, read.error().message);
  texts_.push_back(std::make_unique<Bytes>(std::move(*read)));
  const auto text = as_text(*texts_.back());
  const auto lines_max = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  zones_.reserve(zones_.size() + lines_max);
  const auto before = zones_.size();

  std::vector<std::string> problems;
  std::size_t bad = 0;
  const auto problem = [&](std::size_t line, std::string_view what) {
    if (++bad <= kProblemsMax) problems.push_back(fmt::format("{}:{}: {}", path, line, what));
  };
  std::unordered_map<wire::NameView, std::uint32_t, NameHash, NameEqual> seen;
  seen.reserve(zones_.size() + lines_max);
  for (std::size_t i = 0; i < before; ++i) seen.emplace(zones_[i].zone, 0U);
  std::uint32_t line = 0;
  for (std::string_view rest(text); !rest.empty();) {
    ++line;
    const auto end = rest.find('\n');
    const auto count = zones_.size();
    if (const auto done = read_line(rest.substr(0, end)); !done) problem(line, done.error().message);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (zones_.size() == count) continue;
    const auto [place, fresh] = seen.emplace(zones_.back().zone, line);
    if (!fresh && place->second != 0)
      problem(line, fmt::format("{} stands in line {} already", zones_.back().zone.text(), place->second));
    if (!fresh) zones_.pop_back();
  }
  if (bad == 0) return {};
  zones_.resize(before);
  if (bad > kProblemsMax) problems.push_back(fmt::format("and {} more lines", bad - kProblemsMax));
  return fail(Code::bad_syntax, fmt::format("{}", fmt::join(problems, "; ")));
}

Bytes ZoneList::state_of(const publish::FileZones& zones) {
  constexpr std::size_t kPage = 10'000;
  Bytes out;
  append(out, as_bytes(kStateMark));
  ByteWriter writer(out);
  std::size_t cursor = 0;
  do {
    for (const auto& zone : zones.page(cursor, kPage)) {
      writer.u8(static_cast<std::uint8_t>(zone.origin));
      writer.u8(static_cast<std::uint8_t>(zone.zone.size()));
      writer.bytes(zone.zone.wire());
      writer.u16(static_cast<std::uint16_t>(zone.file.size()));
      writer.bytes(as_bytes(zone.file));
    }
  } while (cursor != 0);
  return out;
}

Result<void> ZoneList::add_state(Bytes state) {
  const auto wrong = [] {
    return fail(Code::bad_request,
                "the running program hands its zones over in a form that this one does not know; "
                "stop it and start this one instead");
  };
  texts_.push_back(std::make_unique<Bytes>(std::move(state)));
  ByteReader in(*texts_.back());
  const auto mark = in.bytes(kStateMark.size());
  if (!mark || as_text(*mark) != kStateMark) return wrong();
  while (!in.done()) {
    const auto origin = in.u8();
    const auto name_size = in.u8();
    const auto name = name_size ? in.bytes(*name_size) : std::nullopt;
    const auto file_size = in.u16();
    const auto file = file_size ? in.bytes(*file_size) : std::nullopt;
    if (!origin || !name || !file || *origin > static_cast<std::uint8_t>(ZoneOrigin::command) ||
        !wire::Name::from_wire(*name))
      return wrong();
    zones_.push_back({wire::NameView::trusted(*name), as_text(*file), static_cast<ZoneOrigin>(*origin)});
  }
  return {};
}

}  // namespace onoma::app
