#include "sign/key_store.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "base/check.h"
#include "base/encoding.h"
#include "os/durable_file.h"

namespace onoma::sign {

namespace {

constexpr std::size_t kMaxListOctets = 64 * 1024;
constexpr std::size_t kMaxPemOctets = 64 * 1024;
constexpr std::size_t kMaxKeys = 100;

std::string list_path(const std::string& directory, wire::NameView zone) {
  return fmt::format("{}/K{}.keys", directory, file_stem(zone));
}

std::string pem_path(const std::string& directory, wire::NameView zone, std::uint8_t algorithm,
                     std::uint16_t tag) {
  return fmt::format("{}/K{}+{:03}+{:05}.pem", directory, file_stem(zone), algorithm, tag);
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The next word of a line; empty at its end.
std::string_view take_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::optional<KeyListEntry> parse_entry(std::string_view line, int version) {
  const auto tag = parse_number<std::uint16_t>(take_word(line));
  const auto algorithm = parse_number<std::uint8_t>(take_word(line));
  const auto role = parse_role(take_word(line));
  const auto state = take_word(line);
  const auto since = from_iso8601(take_word(line));
  if (!tag || !algorithm || !role || !since) return std::nullopt;
  const auto made = make_state(state, *since);
  if (!made) return std::nullopt;
  KeyListEntry entry{*tag, *algorithm, *role, *made, since, false};
  if (version > 1) {
    const auto settled = take_word(line);
    entry.settled = settled == "-" ? std::nullopt : from_iso8601(settled);
    if (!entry.settled && settled != "-") return std::nullopt;
    entry.standby = take_word(line) == "standby";
    if (entry.standby && !is<key_state::Published>(entry.state)) return std::nullopt;
  }
  if (!line.empty()) return std::nullopt;
  return entry;
}

std::string list_text(const KeySet& keys) {
  auto text = fmt::format("onoma-keys 2\nzone {}\nspread {}\n", keys.zone().text(), hex(keys.spread()));
  for (const auto& key : keys.keys())
    text += fmt::format("key {} {} {} {} {} {}{}\n", key.tag(), key.record.algorithm, role_name(key.role),
                        state_name(key.state), iso8601(state_since(key.state)),
                        key.settled ? iso8601(*key.settled) : "-", key.standby ? " standby" : "");
  for (const auto& key : keys.former())
    text += fmt::format("key {} {} {} removed {} -\n", key.tag, key.algorithm, role_name(key.role),
                        iso8601(key.removed));
  return text;
}

}  // namespace

std::string file_stem(wire::NameView zone) {
  std::string out;
  for (char c : wire::Name(zone).lower().text()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<KeyList> parse_key_list(std::string_view text) {
  if (text.size() > kMaxListOctets) return fail(Code::corrupt, "the list of keys is larger than 64 KiB");
  KeyList list;
  std::size_t number = 0;
  int version = 0;
  const auto bad = [&](std::string_view expected) {
    return fail(Code::corrupt, fmt::format("line {} of the list of keys: expected {}", number, expected));
  };
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (number == 1) {
      version = line == "onoma-keys 1" ? 1 : line == "onoma-keys 2" ? 2 : 0;
      if (version == 0) return bad("'onoma-keys 1' or 'onoma-keys 2'");
      continue;
    }
    const auto word = take_word(line);
    if (number == 2) {
      auto name = wire::Name::parse(line);
      if (word != "zone" || !name) return bad("'zone' and an absolute name");
      list.zone = std::move(*name);
    } else if (number == 3) {
      const auto spread = from_hex(line);
      if (word != "spread" || !spread || spread->size() != list.spread.size())
        return bad("'spread' and 32 hex digits");
      std::ranges::copy(*spread, list.spread.begin());
    } else {
      if (list.entries.size() == kMaxKeys) return bad("at most 100 keys");
      auto entry = parse_entry(line, version);
      if (word != "key" || !entry) return bad("'key', tag, algorithm, role, state and times");
      list.entries.push_back(*entry);
    }
  }
  if (number < 3) {
    ++number;
    return bad("more lines");
  }
  return list;
}

Result<KeySet> load_keys(const std::string& directory, wire::NameView zone, os::FileSystem& files) {
  const auto path = list_path(directory, zone);
  ONOMA_TRY(auto content, os::read_file(path, kMaxListOctets, files));
  auto list = parse_key_list(as_text(content));
  if (!list) return fail_in(path, std::move(list).error());
  if (!wire::equal(list->zone, zone))
    return fail(Code::corrupt,
                fmt::format("{} is for the zone {}, not {}", path, list->zone.text(), zone.text()));
  KeySet keys{wire::Name(zone), list->spread};
  for (const auto& entry : list->entries) {
    if (is<key_state::Removed>(entry.state)) {
      keys.add_former({entry.tag, entry.algorithm, entry.role, state_since(entry.state)});
      continue;
    }
    const auto pem = pem_path(directory, zone, entry.algorithm, entry.tag);
    const auto algorithm = crypto::algorithm_from(entry.algorithm);
    if (!algorithm)
      return fail(Code::corrupt,
                  fmt::format("{}: algorithm {} is not one that signs", path, entry.algorithm));
    auto text = os::read_file(pem, kMaxPemOctets, files);
    if (!text) {
      // A listed key without its file is damage, not absence: nobody may make new keys because of it.
      auto error = std::move(text).error();
      if (error.code == Code::not_found) error.code = Code::corrupt;
      return fail_in(pem, std::move(error));
    }
    auto secret = crypto::PrivateKey::from_pem(as_text(*text), *algorithm);
    std::ranges::fill(*text, std::uint8_t{0});
    if (!secret) return fail_in(pem, std::move(secret).error());
    auto key = key_from_secret(entry.role, std::move(*secret), entry.state);
    key.settled = entry.settled;
    key.standby = entry.standby;
    if (key.tag() != entry.tag)
      return fail(Code::corrupt, fmt::format("{} holds a key with tag {}; was it replaced?", pem, key.tag()));
    if (auto added = keys.add(std::move(key)); !added) return fail_in(path, std::move(added).error());
  }
  return keys;
}

Result<void> store_keys(const std::string& directory, const KeySet& keys, os::FileSystem& files,
                        std::optional<std::span<const std::uint16_t>> fresh) {
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  } else if (error) {
    return fail(Code::io, fmt::format("cannot make the key directory {}: {}", directory, error.message()));
  }
  for (const auto& key : keys.keys()) {
    if (fresh && std::ranges::find(*fresh, key.tag()) == fresh->end()) continue;
    CHECK(key.secret.has_value());
    auto pem = key.secret->to_pem();
    const auto path = pem_path(directory, keys.zone(), key.record.algorithm, key.tag());
    auto written = os::write_file_atomically(path, as_bytes(pem), 0600, files);
    std::ranges::fill(pem, '\0');
    ONOMA_TRY_VOID(std::move(written));
  }
  return os::write_file_atomically(list_path(directory, keys.zone()), as_bytes(list_text(keys)), 0600, files);
}

Result<KeySet> load_or_generate_keys(const std::string& directory, wire::NameView zone, KeyLayout layout,
                                     crypto::Algorithm algorithm, Time now, Rng& rng, os::FileSystem& files) {
  auto loaded = load_keys(directory, zone, files);
  if (loaded || loaded.error().code != Code::not_found) return loaded;
  ONOMA_TRY(auto made, generate_keys(wire::Name(zone), layout, algorithm, now, rng));
  ONOMA_TRY_VOID(store_keys(directory, made, files));
  return made;
}

}  // namespace onoma::sign
