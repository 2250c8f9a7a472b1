#include "publish/file_zones.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "os/durable_file.h"
#include "wire/rdata.h"
#include "zone/diff_text.h"
#include "zone/load.h"

namespace onoma::publish {

using wire::Name;

namespace {

constexpr std::uint64_t kFileMaxOctets = std::uint64_t{64} << 30;
constexpr std::size_t kWarningsShown = 20;

// An operator's own file is served whatever its signatures' age, but not silently.
void warn_if_expired(const Name& zone, std::uint32_t earliest_expiry, Time now) {
  const auto seconds = static_cast<std::uint32_t>(unix_seconds(now));
  if (earliest_expiry == 0 || wire::serial_newer(earliest_expiry, seconds)) return;
  log::warning(
      "zone",
      fmt::format("{}: SIGNATURES HAVE EXPIRED, the first on {}; validating resolvers take every answer "
                  "of this zone for forged. Sign it again",
                  zone.text(), iso8601(from_unix_seconds(earliest_expiry))));
}

std::unexpected<Error> unknown(const Name& zone) {
  return fail(Code::not_found, fmt::format("zone {} is not served here; use add", zone.text()));
}

// A zone's file as a source of versions.
class FileSource final : public zone::DiffSource {
 public:
  FileSource(Name zone, std::string file) : zone_(std::move(zone)), file_(std::move(file)) {}

  void use(std::string file) { file_ = std::move(file); }
  const std::string& file() const { return file_; }
  // Of the newest file read; what apply() changes is not followed.
  std::uint32_t earliest_expiry() const { return earliest_expiry_; }
  void read_again() { read_wanted_ = true; }
  void offer(zone::Diff diff) { pending_ = std::move(diff); }

  Result<std::optional<zone::SourceBatch>> next(const zone::Snapshot& current, std::uint64_t) override {
    if (pending_) return zone::SourceBatch{.diff = *std::exchange(pending_, std::nullopt)};
    if (!std::exchange(read_wanted_, false)) return std::nullopt;
    ONOMA_TRY(const auto fresh, load());
    auto diff = zone::difference(current, *fresh);
    if (diff.empty()) return std::nullopt;
    diff.to_serial = fresh->facts().serial;
    return zone::SourceBatch{.diff = std::move(diff)};
  }

  Result<std::vector<wire::RRset>> full(std::uint64_t& last_event, std::optional<zone::Expected>&) override {
    last_event = 0;
    read_wanted_ = false;
    ONOMA_TRY(const auto fresh, load());
    return zone::copy_sets(*fresh);
  }

 private:
  Result<zone::SnapshotPtr> load() {
    ONOMA_TRY(const auto octets, os::read_file(file_, kFileMaxOctets));
    std::vector<std::string> warnings;
    ONOMA_TRY(auto snapshot,
              zone::load_zone_text(as_text(octets), {.origin = zone_, .file_name = file_}, warnings));
    for (std::size_t i = 0; i < std::min(warnings.size(), kWarningsShown); ++i)
      log::warning("zone", fmt::format("{}: {}", zone_.text(), warnings[i]));
    if (warnings.size() > kWarningsShown)
      log::warning("zone", fmt::format("{}: {} more warnings of this kind", zone_.text(),
                                       warnings.size() - kWarningsShown));
    earliest_expiry_ = snapshot->facts().earliest_expiry;
    return snapshot;
  }

  Name zone_;
  std::string file_;
  bool read_wanted_ = false;
  std::uint32_t earliest_expiry_ = 0;
  std::optional<zone::Diff> pending_;
};

}  // namespace

struct FileZones::Entry final : zone::VersionSink {
  Entry(Name name, ZoneSink& to) : zone(std::move(name)), sink(to) {}
  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override {
    sink.show(version, std::move(snapshot));
  }
  void refused(const zone::Version& version, const zone::Verdict& verdict) override {
    sink.refused(version, verdict);
  }
  FileZoneStatus status() const {
    FileZoneStatus out{.zone = zone, .file = source->file(), .problem = problem};
    if (const auto current = sequencer->current()) {
      out.serial = current->facts().serial;
      out.names = current->facts().names;
      out.records = current->facts().records;
      out.earliest_expiry = source->earliest_expiry();
    }
    return out;
  }

  const Name zone;
  ZoneSink& sink;
  mutable std::mutex mutex;
  FileSource* source = nullptr;  // owned by the sequencer
  std::unique_ptr<Sequencer> sequencer;
  std::string problem;
  bool removed = false;  // somebody may have found the entry before it went
};

FileZones::FileZones(GateFactory gate, ZoneSink& sink, const Clock& clock)
    : gate_(std::move(gate)), sink_(sink), clock_(clock) {}
FileZones::~FileZones() = default;

std::shared_ptr<FileZones::Entry> FileZones::find(const Name& zone) const {
  std::scoped_lock lock(mutex_);
  const auto found = entries_.find(zone);
  return found == entries_.end() ? nullptr : found->second;
}

// One step of the zone's sequencer; `entry.mutex` held.
Result<FileZoneStatus> FileZones::run(Entry& entry) {
  const bool shown = !entry.sequencer->run().empty();
  entry.problem = entry.sequencer->reason();
  if (!entry.sequencer->current()) sink_.not_loaded(entry.zone);
  if (shown) warn_if_expired(entry.zone, entry.source->earliest_expiry(), clock_.now());
  if (entry.problem.empty()) return entry.status();
  const bool held = entry.sequencer->state() == Sequencer::State::held;
  return fail(held ? Code::gate_refused : Code::bad_syntax, entry.problem);
}

Result<FileZoneStatus> FileZones::add(const Name& zone, const std::string& file) {
  auto entry = std::make_shared<Entry>(zone, sink_);
  std::scoped_lock working(entry->mutex);
  {
    std::scoped_lock lock(mutex_);
    if (!entries_.emplace(zone, entry).second)
      return fail(Code::exists, fmt::format("zone {} is served already; use reload", zone.text()));
  }
  auto source = std::make_unique<FileSource>(zone, file);
  entry->source = source.get();
  SequencerOptions options{.zone = zone, .keep_serial = true};
  entry->sequencer = std::make_unique<Sequencer>(
      options, SequencerStages{.source = std::move(source), .gate = gate_(), .sink = entry.get()}, clock_);
  return run(*entry);
}

Result<FileZoneStatus> FileZones::reload(const Name& zone, const std::string& file) {
  const auto entry = find(zone);
  if (!entry) return unknown(zone);
  std::scoped_lock working(entry->mutex);
  if (entry->removed) return unknown(zone);
  if (!file.empty()) entry->source->use(file);
  entry->source->read_again();
  return run(*entry);
}

Result<FileZoneStatus> FileZones::apply(const Name& zone, std::string_view diff_text) {
  const auto entry = find(zone);
  if (!entry) return unknown(zone);
  std::scoped_lock working(entry->mutex);
  if (entry->removed) return unknown(zone);
  const auto current = entry->sequencer->current();
  if (!current)
    return fail(Code::unavailable, fmt::format("zone {} is not loaded: {}", zone.text(), entry->problem));
  ONOMA_TRY(auto diff, zone::diff_from_text(diff_text, *current, "change"));
  if (diff.empty()) return entry->status();
  entry->source->offer(std::move(diff));
  return run(*entry);
}

// The name is free for another add() only when the sink has forgotten the zone.
Result<void> FileZones::remove(const Name& zone) {
  const auto entry = find(zone);
  if (!entry) return unknown(zone);
  std::scoped_lock working(entry->mutex);
  if (std::exchange(entry->removed, true)) return unknown(zone);
  sink_.remove(zone);
  std::scoped_lock lock(mutex_);
  entries_.erase(zone);
  return {};
}

std::vector<FileZoneStatus> FileZones::status() const {
  std::vector<std::shared_ptr<Entry>> all;
  {
    std::scoped_lock lock(mutex_);
    for (const auto& [name, entry] : entries_) all.push_back(entry);
  }
  std::vector<FileZoneStatus> out;
  for (const auto& entry : all) {
    std::scoped_lock working(entry->mutex);
    out.push_back(entry->status());
  }
  return out;
}

std::vector<Name> FileZones::zones() const {
  std::scoped_lock lock(mutex_);
  std::vector<Name> out;
  out.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}

}  // namespace onoma::publish
