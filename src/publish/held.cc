#include "publish/held.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/metrics.h"
#include "crypto/digest.h"
#include "os/durable_file.h"
#include "publish/held_codec.h"
#include "publish/journal.h"
#include "wire/rdata.h"

namespace onoma::publish {
namespace {

constexpr std::size_t kReasonMax = 4096;
constexpr std::size_t kSumOctets = 32;
// A zone from files that changes without end must not fill the disk with its steps.
constexpr std::uint64_t kStepMax = std::uint64_t{64} << 20;

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string step_name(std::uint32_t from, std::uint32_t to) {
  return fmt::format("/{}-{}.step", from, to);
}

std::string held_name(std::uint32_t serial) {
  return fmt::format("/{}.held", serial);
}

}  // namespace

std::string_view text(HeldKind kind) {
  switch (kind) {
    case HeldKind::held:
      return "held";
    case HeldKind::refused:
      return "refused";
    case HeldKind::rolled_back:
      return "rolled back";
  }
  return "unknown";
}

zone::Diff whole_diff(const zone::Snapshot& snapshot) {
  zone::Diff out{
      .apex = snapshot.facts().apex, .from_serial = 0, .to_serial = snapshot.facts().serial, .changes = {}};
  for (auto& set : zone::copy_sets(snapshot)) {
    auto owner = set.owner;
    out.changes.push_back({std::move(owner), set.type, std::nullopt, std::move(set)});
  }
  return out;
}

zone::Diff content_of(const zone::Diff& diff) {
  zone::Diff out{
      .apex = diff.apex, .from_serial = diff.from_serial, .to_serial = diff.to_serial, .changes = {}};
  for (auto change : diff.changes) {
    if (!zone::is_content(change.type)) continue;
    for (auto* set : {&change.before, &change.after})
      if (*set) (*set)->signatures.clear();
    if (!(change.before == change.after)) out.changes.push_back(std::move(change));
  }
  return out;
}

HeldStore::HeldStore(std::string folder, HeldLimits limits, os::FileSystem& files)
    : folder_(std::move(folder)), limits_(limits), files_(files) {}

std::string HeldStore::folder_of(const wire::Name& zone) const {
  return folder_ + "/" + file_stem(zone);
}

Result<void> HeldStore::open() {
  std::scoped_lock lock(mutex_);
  std::error_code error;
  if (!std::filesystem::exists(folder_, error)) return {};
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error))
    if (entry.is_directory(error)) open_zone(entry.path().string());
  if (error) return fail(Code::io, fmt::format("cannot read {}: {}", folder_, error.message()));
  count();
  return {};
}

// Lock held. The zone's name stands in its files; a folder whose files tell none is left alone.
void HeldStore::open_zone(const std::string& path) {
  Zone zone;
  std::optional<wire::Name> name;
  std::error_code error;
  const auto unreadable = [](const std::string& file, const Error& why) {
    log::error("publish", fmt::format("{}: {}; it is left there and not used", file, why.message));
  };
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    const auto file = entry.path().string();
    const auto extension = entry.path().extension().string();
    if (extension == ".new") {  // was being written when the program ended
      files_.unlink(file.c_str());
      continue;
    }
    octets_ += entry.file_size(error);
    if (extension == ".held") {
      const auto octets = load(file);
      auto version = octets ? decode_held(*octets) : Result<HeldVersion>(std::unexpected(octets.error()));
      if (!version) {
        unreadable(file, version.error());
        continue;
      }
      name = version->zone;
      zone.held.push_back(static_cast<HeldFacts>(*version));
    } else if (extension == ".step") {
      const auto stem = entry.path().stem().string();
      const auto dash = stem.find('-');
      const auto from = number_of(std::string_view(stem).substr(0, dash));
      const auto to =
          dash == std::string::npos ? std::nullopt : number_of(std::string_view(stem).substr(dash + 1));
      if (from && to) zone.steps.emplace_back(*from, *to);
      if (!name && from && to) {
        const auto octets = load(file);
        auto diff = octets ? zone::decode_diff(*octets) : Result<zone::Diff>(std::unexpected(octets.error()));
        if (diff)
          name = diff->apex;
        else
          unreadable(file, diff.error());
      }
    } else if (entry.path().filename() == "base") {
      const auto octets = load(file);
      auto version =
          octets ? decode_version(*octets) : Result<zone::Version>(std::unexpected(octets.error()));
      if (!version) {
        unreadable(file, version.error());
        continue;
      }
      name = version->zone;
      zone.base = version->serial;
    }
  }
  if (!name) return;
  std::ranges::stable_sort(zone.held, {}, &HeldFacts::at);
  std::ranges::sort(zone.steps, [](const auto& a, const auto& b) {
    return a.second != b.second && wire::serial_newer(b.second, a.second);
  });
  zones_.insert_or_assign(*name, std::move(zone));
}

// Lock held.
void HeldStore::count() {
  std::uint64_t held = 0;
  for (const auto& [name, zone] : zones_)
    held += static_cast<std::uint64_t>(
        std::ranges::count_if(zone.held, [](const auto& one) { return one.kind != HeldKind::refused; }));
  onoma::set(Metric::onoma_versions_held, held);
}

Result<Bytes> HeldStore::load(const std::string& path) const {
  ONOMA_TRY(auto octets, os::read_file(path, HeldLimits::kFileMax, files_));
  if (octets.size() < kSumOctets) return damaged_held();
  const auto content = ByteView(octets).first(octets.size() - kSumOctets);
  if (!equal(crypto::sha256(content), ByteView(octets).last(kSumOctets))) return damaged_held();
  octets.resize(content.size());
  return octets;
}

// Lock held.
Result<void> HeldStore::write(const std::string& path, const Bytes& content) {
  if (content.size() > HeldLimits::kFileMax - kSumOctets ||
      octets_ + content.size() + kSumOctets > limits_.all_octets)
    return fail(Code::too_large,
                fmt::format("{} is not kept: the held versions would take more than {} octets; decide about "
                            "some of those that `onoma zone held` lists",
                            path, limits_.all_octets));
  Bytes octets;
  octets.reserve(content.size() + kSumOctets);
  append(octets, content);
  append(octets, crypto::sha256(content));
  std::error_code error;
  const auto before = std::filesystem::file_size(path, error);
  ONOMA_TRY_VOID(os::write_file_atomically(path, octets, 0600, files_));
  octets_ += octets.size() - (error ? 0 : std::min<std::uint64_t>(before, octets_));
  return {};
}

// Lock held.
void HeldStore::remove(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (files_.unlink(path.c_str()) != 0) return;
  if (!error) octets_ -= std::min<std::uint64_t>(octets_, size);
}

Result<void> HeldStore::make_folder(const wire::Name& zone) {
  std::error_code error;
  const auto path = folder_of(zone);
  if (std::filesystem::create_directories(path, error)) {
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, error);
    ONOMA_TRY_VOID(os::sync_directory_of(path, files_));
    return os::sync_directory_of(folder_, files_);
  }
  if (error) return fail(Code::io, fmt::format("cannot make {}: {}", path, error.message()));
  return {};
}

Result<void> HeldStore::keep(const HeldVersion& version) {
  HeldVersion bounded{static_cast<HeldFacts>(version), version.unsigned_diff, version.expected, {}};
  for (const auto& have : list(version.zone))  // it has waited since then
    if (have.serial == version.serial && have.kind == version.kind && have.reason == version.reason)
      bounded.at = have.at;
  if (bounded.reason.size() > kReasonMax) bounded.reason.resize(kReasonMax);
  bounded.diff = version.diff;
  auto octets = encode_held(bounded, true);
  if (octets.size() > limits_.diff_octets && version.kind != HeldKind::held)
    octets = encode_held(bounded, false);
  std::scoped_lock lock(mutex_);
  auto& zone = zones_[version.zone];
  // The same thing refused again and again (a refresh, a file that is read once more) is kept once.
  std::erase_if(zone.held, [&](const HeldFacts& have) {
    const bool again = version.kind == HeldKind::refused && have.kind == HeldKind::refused &&
                       have.serial != version.serial && have.last_event == version.last_event &&
                       have.reason == bounded.reason;
    if (again) remove(folder_of(version.zone) + held_name(have.serial));
    return again;
  });
  while (zone.held.size() >= limits_.zone_entries) {
    auto oldest = std::ranges::find(zone.held, HeldKind::refused, &HeldFacts::kind);
    if (oldest == zone.held.end()) break;  // what a person must decide about is never dropped
    remove(folder_of(version.zone) + held_name(oldest->serial));
    zone.held.erase(oldest);
  }
  ONOMA_TRY_VOID(make_folder(version.zone));
  ONOMA_TRY_VOID(write(folder_of(version.zone) + held_name(version.serial), octets));
  std::erase_if(zone.held, [&](const HeldFacts& have) { return have.serial == version.serial; });
  zone.held.push_back(static_cast<HeldFacts>(bounded));
  count();
  return {};
}

std::vector<HeldFacts> HeldStore::list() const {
  std::scoped_lock lock(mutex_);
  std::vector<HeldFacts> out;
  for (const auto& [name, zone] : zones_) out.insert(out.end(), zone.held.begin(), zone.held.end());
  return out;
}

std::vector<HeldFacts> HeldStore::list(const wire::Name& zone) const {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  return found == zones_.end() ? std::vector<HeldFacts>() : found->second.held;
}

Result<HeldVersion> HeldStore::read(const wire::Name& zone, std::uint32_t serial) const {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  if (found == zones_.end() ||
      std::ranges::find(found->second.held, serial, &HeldFacts::serial) == found->second.held.end())
    return fail(Code::not_found,
                fmt::format("no version {} of {} is held; `onoma zone held` lists those that are", serial,
                            zone.text()));
  ONOMA_TRY(const auto octets, load(folder_of(zone) + held_name(serial)));
  return decode_held(octets);
}

Result<void> HeldStore::drop(const wire::Name& zone, std::uint32_t serial) {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  if (found == zones_.end()) return {};
  const auto path = folder_of(zone) + held_name(serial);
  remove(path);
  std::erase_if(found->second.held, [&](const HeldFacts& have) { return have.serial == serial; });
  count();
  return os::sync_directory_of(path, files_);
}

void HeldStore::drop_held(const wire::Name& zone) {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  if (found == zones_.end()) return;
  std::erase_if(found->second.held, [&](const HeldFacts& have) {
    if (have.kind == HeldKind::refused) return false;
    remove(folder_of(zone) + held_name(have.serial));
    return true;
  });
  count();
}

void HeldStore::forget(const wire::Name& zone) {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  if (found == zones_.end()) return;
  const auto folder = folder_of(zone);
  for (const auto& have : found->second.held) remove(folder + held_name(have.serial));
  for (const auto& [from, to] : found->second.steps) remove(folder + step_name(from, to));
  if (found->second.base) remove(folder + "/base");
  zones_.erase(found);
  count();
  std::error_code ignored;  // what is still in it, was not ours
  std::filesystem::remove(folder, ignored);
}

Result<void> HeldStore::keep_base(const zone::Snapshot& served) {
  const auto& facts = served.facts();
  {
    std::scoped_lock lock(mutex_);
    const auto found = zones_.find(facts.apex);
    if (found != zones_.end() && found->second.base == facts.serial) return {};
  }
  zone::Version version{.zone = facts.apex, .serial = facts.serial, .diff = whole_diff(served)};
  version.content = served.content_digest();
  const auto octets = encode(version);
  std::scoped_lock lock(mutex_);
  ONOMA_TRY_VOID(make_folder(facts.apex));
  ONOMA_TRY_VOID(write(folder_of(facts.apex) + "/base", octets));
  zones_[facts.apex].base = facts.serial;
  return {};
}

Result<zone::SnapshotPtr> HeldStore::base(const wire::Name& zone) const {
  std::string path;
  {
    std::scoped_lock lock(mutex_);
    const auto found = zones_.find(zone);
    if (found == zones_.end() || !found->second.base) return nullptr;
    path = folder_of(zone) + "/base";
  }
  ONOMA_TRY(const auto octets, load(path));
  ONOMA_TRY(auto version, decode_version(octets));
  zone::SnapshotBuilder builder(zone);
  for (auto& change : version.diff.changes) {
    if (!change.after) return damaged_held();
    ONOMA_TRY_VOID(builder.add(std::move(*change.after)));
  }
  return builder.finish();
}

bool HeldStore::has_base(const wire::Name& zone) const {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  return found != zones_.end() && found->second.base;
}

void HeldStore::drop_base(const wire::Name& zone) {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  if (found == zones_.end() || !found->second.base) return;
  remove(folder_of(zone) + "/base");
  found->second.base.reset();
}

Result<void> HeldStore::keep_step(const zone::Diff& diff) {
  const auto octets = zone::encode(diff);
  std::scoped_lock lock(mutex_);
  const auto folder = folder_of(diff.apex);
  auto& steps = zones_[diff.apex].steps;
  const auto drop = [&](auto from, auto to) {
    for (auto at = from; at != to; ++at) remove(folder + step_name(at->first, at->second));
    steps.erase(from, to);
  };
  if (octets.size() > kStepMax) {  // no way back beyond it
    drop(steps.begin(), steps.end());
    return {};
  }
  if (steps.size() >= limits_.zone_steps)
    drop(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(steps.size() - limits_.zone_steps + 1));
  ONOMA_TRY_VOID(make_folder(diff.apex));
  ONOMA_TRY_VOID(write(folder + step_name(diff.from_serial, diff.to_serial), octets));
  std::erase(steps, std::pair(diff.from_serial, diff.to_serial));
  steps.emplace_back(diff.from_serial, diff.to_serial);
  return {};
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> HeldStore::steps(const wire::Name& zone) const {
  std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  if (found == zones_.end()) return {};
  return found->second.steps;
}

Result<zone::Diff> HeldStore::step(const wire::Name& zone, std::uint32_t from, std::uint32_t to) const {
  std::scoped_lock lock(mutex_);
  ONOMA_TRY(const auto octets, load(folder_of(zone) + step_name(from, to)));
  return zone::decode_diff(octets);
}

Result<void> HeldStore::note(std::string_view what, const wire::Name& zone, std::uint32_t serial,
                             const Decision& decision, Time now) {
  namespace json = boost::json;
  log::info("publish", fmt::format("zone {} serial {}: {} by {}: {}", zone.text(), serial, what, decision.who,
                                   decision.reason));
  const auto line = json::serialize(json::object{{"at", iso8601(now)},
                                                 {"decision", std::string(what)},
                                                 {"zone", zone.text()},
                                                 {"serial", serial},
                                                 {"who", decision.who},
                                                 {"reason", decision.reason}}) +
                    "\n";
  std::scoped_lock lock(mutex_);
  ONOMA_TRY_VOID(make_folder(zone));
  const auto path = folder_ + "/@decisions.log";
  const int fd = files_.open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  if (fd < 0) return fail(Code::io, fmt::format("cannot write {}", path));
  const auto size = files_.size(fd);
  const bool written = size >= 0 &&
                       files_.pwrite(fd, line.data(), line.size(), static_cast<std::uint64_t>(size)) ==
                           static_cast<ssize_t>(line.size()) &&
                       files_.sync_data(fd) == 0;
  files_.close(fd);
  if (!written) return fail(Code::io, fmt::format("cannot write {}", path));
  return {};
}

}  // namespace onoma::publish
