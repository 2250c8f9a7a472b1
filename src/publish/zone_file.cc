#include "publish/zone_file.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "os/durable_file.h"
#include "os/fd.h"
#include "os/job_pool.h"
#include "zone/load.h"

namespace onoma::publish {

namespace {
constexpr std::uint64_t kFileMaxOctets = std::uint64_t{64} << 30;
constexpr std::size_t kWarningsShown = 20;
constexpr std::int64_t kClockStepNs = 20'000'000;  // file times may be so much behind
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kSmallOctets = std::size_t{64} * 1024;

std::uint64_t stamp_of(const struct stat& facts) {
  timespec now{};
  if (::clock_gettime(CLOCK_REALTIME, &now) != 0) return 0;
  const auto changed = facts.st_mtim.tv_sec * kSecondNs + facts.st_mtim.tv_nsec;
  if (now.tv_sec * kSecondNs + now.tv_nsec - changed < kClockStepNs) return 0;
  std::uint64_t stamp = 0x9e3779b97f4a7c15U;
  for (const auto part :
       std::array<std::uint64_t, 4>{static_cast<std::uint64_t>(changed),
                                    static_cast<std::uint64_t>(facts.st_size), facts.st_ino, facts.st_dev}) {
    stamp = (stamp ^ part) * 0xbf58476d1ce4e5b9U;
    stamp ^= stamp >> 31;
  }
  return std::max<std::uint64_t>(1, stamp);
}

// Where zones are many their files are small: opened once and read in one go. Nullopt: it is to be read in
// another way, which tells why if it cannot be.
std::optional<Bytes> read_small(const std::string& path, std::uint64_t& stamp) {
  const os::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size <= 0 ||
      static_cast<std::uint64_t>(facts.st_size) > kSmallOctets)
    return std::nullopt;
  stamp = stamp_of(facts);
  Bytes octets(static_cast<std::size_t>(facts.st_size) + 1);
  if (::read(file.get(), octets.data(), octets.size()) != facts.st_size) return std::nullopt;
  octets.pop_back();
  return octets;
}

}  // namespace

std::uint64_t file_stamp(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 ? stamp_of(facts) : 0;
}

bool is_image(const std::string& path) {
  const os::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<std::uint8_t, 8> octets{};
  return file &&
         ::pread(file.get(), octets.data(), octets.size(), 0) == static_cast<ssize_t>(octets.size()) &&
         zone::looks_like_image(octets);
}

Result<ZoneFile> read_zone_file(const wire::Name& zone, const std::string& path, std::uint64_t& stamp) {
  stamp = 0;
  auto small = read_small(path, stamp);
  if (!small) stamp = file_stamp(path);
  if (small ? zone::looks_like_image(*small) : is_image(path)) {
    ONOMA_TRY(auto image, ImageMap::open(path));
    ONOMA_TRY(auto snapshot, image->zone(zone));
    return ZoneFile{std::move(snapshot), std::move(image)};
  }
  const bool alone = small.has_value();  // asking how many cores there are takes longer than a small file
  LargeBytes large;
  if (!small) {
    auto read = os::read_large_file(path, kFileMaxOctets);
    if (!read) {
      // "Not found" would be an answer about the zone; and a server that has given up root is told so.
      if (read.error().message.find("ermission denied") != std::string::npos)
        read.error().message += ": the user that this server runs as must be able to read it";
      return std::unexpected(read.error());
    }
    large = *std::move(read);
  }
  const auto octets = small ? ByteView(*small) : ByteView(large);
  std::vector<std::string> warnings;
  ONOMA_TRY(auto snapshot, zone::load_zone_text(as_text(octets), {.origin = zone, .file_name = path},
                                                warnings, alone ? serially : os::on_threads()));
  for (std::size_t i = 0; i < std::min(warnings.size(), kWarningsShown); ++i)
    log::warning("zone", fmt::format("{}: {}", zone.text(), warnings[i]));
  if (warnings.size() > kWarningsShown)
    log::warning("zone", fmt::format("{}: {} more warnings of this kind", zone.text(),
                                     warnings.size() - kWarningsShown));
  return ZoneFile{zone::packed(std::move(snapshot)), nullptr};
}

}  // namespace onoma::publish
