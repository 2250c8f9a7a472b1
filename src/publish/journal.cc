#include "publish/journal.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include "base/log.h"
#include "os/durable_file.h"

namespace onoma::publish {
namespace {

constexpr std::uint32_t kMagic = 0x4F4E5631;  // "ONV1"
constexpr os::AppendLogOptions kLogOptions{
    .record_max = 0xFFFF0000U, .file_max = std::uint64_t{1} << 42, .mode = 0600, .first_came_whole = true};

void put_time(ByteWriter& out, Time time) {
  out.u64(static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

std::optional<Time> get_time(ByteReader& in) {
  const auto value = in.u64();
  if (!value) return std::nullopt;
  return Time{Duration{static_cast<std::int64_t>(*value)}};
}

}  // namespace

Bytes encode(const zone::Version& version) {
  Bytes out;
  ByteWriter writer(out);
  writer.u32(kMagic);
  writer.block(version.zone.wire());
  writer.u32(version.serial);
  writer.u64(version.first_event);
  writer.u64(version.last_event);
  writer.u64(version.epoch);
  put_time(writer, version.made);
  put_time(writer, version.committed);
  for (auto word : version.content.sum) writer.u64(word);
  writer.block(encode(version.diff));
  return out;
}

Result<zone::Version> decode_version(ByteView octets) {
  const auto damaged = [] {
    return onoma::fail(Code::corrupt, "a version record of the journal is damaged");
  };
  ByteReader in(octets);
  if (in.u32() != kMagic) return damaged();
  const auto zone_octets = in.block();
  if (!zone_octets) return damaged();
  auto zone_name = wire::Name::from_wire(*zone_octets);
  const auto serial = in.u32();
  const auto first = in.u64(), last = in.u64(), epoch = in.u64();
  const auto made = get_time(in), committed = get_time(in);
  zone::SetDigest digest;
  for (auto& word : digest.sum) {
    const auto value = in.u64();
    if (!value) return damaged();
    word = *value;
  }
  const auto diff_octets = in.block();
  if (!zone_name || !committed || !diff_octets || !in.done()) return damaged();
  ONOMA_TRY(auto diff, zone::decode_diff(*diff_octets));
  return zone::Version{.zone = *zone_name,
                       .serial = *serial,
                       .first_event = *first,
                       .last_event = *last,
                       .epoch = *epoch,
                       .made = *made,
                       .committed = *committed,
                       .diff = std::move(diff),
                       .content = digest};
}

std::string file_stem(const wire::Name& zone) {
  if (zone.is_root()) return "@root";
  std::string stem;
  auto text = zone.lower().text();
  text.pop_back();
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (plain && !(stem.empty() && c == '.'))
      stem += c;
    else
      stem += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return stem;
}

Journal::Journal(JournalOptions options, os::FileSystem& files)
    : options_(std::move(options)), files_(files) {}

std::string Journal::path_of(const wire::Name& zone) const {
  return options_.folder + "/" + file_stem(zone) + ".journal";
}

Result<void> Journal::open(const wire::Name& zone,
                           const std::function<Result<void>(zone::Version&&)>& visit) {
  std::error_code error;
  std::filesystem::create_directories(options_.folder, error);
  if (error)
    return onoma::fail(Code::io, fmt::format("cannot make {}: {}", options_.folder, error.message()));
  std::filesystem::permissions(options_.folder, std::filesystem::perms::owner_all, error);
  whole_octets_ = 0;
  if (cut_to_) {
    // Octets behind this size belong to a version that was reported as not durable.
    if (::truncate(path_of(zone).c_str(), static_cast<off_t>(*cut_to_)) != 0)
      return onoma::fail(Code::io, fmt::format("cannot cut {} back to its last good version", path_of(zone)));
    cut_to_.reset();
  }
  ONOMA_TRY(auto log, os::AppendLog::open(
                          path_of(zone),
                          [&](ByteView payload, std::uint64_t) -> Result<void> {
                            ONOMA_TRY(auto version, decode_version(payload));
                            if (version.diff.from_serial == 0) whole_octets_ = payload.size();
                            return visit(std::move(version));
                          },
                          kLogOptions, files_));
  if (log.torn_octets() > 0)
    log::warning("publish", fmt::format("{}: cut off {} octets of a version that was never acknowledged",
                                        path_of(zone), log.torn_octets()));
  log_ = std::move(log);
  return {};
}

Result<void> Journal::replay(const wire::Name& zone,
                             const std::function<Result<void>(zone::Version&&)>& visit) {
  return open(zone, visit);
}

Result<void> Journal::append(const zone::Version& version) {
  if (!log_) ONOMA_TRY_VOID(open(version.zone, [](zone::Version&&) -> Result<void> { return {}; }));
  if (version.diff.from_serial == 0) return fold(version);
  if (place_unsure_) {
    ONOMA_TRY_VOID(os::sync_directory_of(path_of(version.zone), files_));
    place_unsure_ = false;
  }
  const auto octets = encode(version);
  const auto good_size = log_->size();
  auto written = log_->append(octets);
  if (written) {
    auto synced = log_->sync();
    if (synced) return {};
    written = std::unexpected(synced.error());
  }
  log_.reset();
  cut_to_ = good_size;
  return std::unexpected(written.error());
}

Result<void> Journal::fold(const zone::Version& whole) {
  const auto path = path_of(whole.zone);
  const auto fresh = path + ".fold";
  ::unlink(fresh.c_str());
  const auto octets = encode(whole);
  {
    ONOMA_TRY(auto log,
              os::AppendLog::open(
                  fresh, [](ByteView, std::uint64_t) -> Result<void> { return {}; }, kLogOptions, files_));
    auto written = log.append(octets);
    auto synced = written ? log.sync() : Result<void>(std::unexpected(written.error()));
    if (!synced) {
      ::unlink(fresh.c_str());
      return std::unexpected(synced.error());
    }
  }
  log_.reset();
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const auto reason = std::string(std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    ::unlink(fresh.c_str());
    return onoma::fail(Code::io, fmt::format("cannot put {} in place: {}", path, reason));
  }
  cut_to_.reset();  // it was of the file that is gone
  place_unsure_ = true;
  ONOMA_TRY_VOID(os::sync_directory_of(path, files_));
  place_unsure_ = false;
  return open(whole.zone, [](zone::Version&&) -> Result<void> { return {}; });
}

bool Journal::wants_fold() const {
  if (!log_ || log_->size() < whole_octets_) return false;
  const auto changes = log_->size() - whole_octets_;
  return changes > options_.fold_min_octets && changes > 2 * whole_octets_;
}

Result<void> Journal::erase(const wire::Name& zone) {
  log_.reset();
  const auto path = path_of(zone);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return onoma::fail(Code::io, fmt::format("cannot remove {}", path));
  return os::sync_directory_of(path, files_);
}

}  // namespace onoma::publish
