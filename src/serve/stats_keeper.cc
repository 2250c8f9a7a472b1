#include "serve/stats_keeper.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "os/durable_file.h"

namespace onoma::serve {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kMostStateOctets = std::uint64_t{1} << 30;
constexpr std::string_view kDataset = "magnitude";

void join(const StatsBank& bank, StatsDay& out, bool with_domains = true) {
  bank.v4.merge_into(out.v4);
  bank.v6.merge_into(out.v6);
  bank.v6_networks.merge_into(out.v6_networks);
  bank.clients.merge_into(out.clients);
  if (with_domains && bank.domains) bank.domains->merge_into(out.domains);
}

// YYYYMMDD in "…-20260925-…"; nullopt for names of other files.
std::optional<DayNumber> day_in(std::string_view file, std::string_view prefix) {
  if (!file.starts_with(prefix) || file.size() < prefix.size() + 10) return std::nullopt;
  unsigned value = 0;
  for (const char c : file.substr(prefix.size() + 1, 8)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(value / 10000)),
                                         std::chrono::month(value / 100 % 100),
                                         std::chrono::day(value % 100)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

}  // namespace

struct Statistics::State {
  State(const StatisticsOptions& wanted, const Clock& the_clock, Rng& rng, os::FileSystem& disk)
      : options(wanted), clock(the_clock), files(disk), seed(rng.u64()) {
    carried.day = day_of(clock.now());
    saved_at = clock.steady();
  }

  // A recorder, and the bank of the closing day until its worker has left it.
  struct Member {
    std::unique_ptr<StatsRecorder> recorder;
    std::unique_ptr<StatsBank> old;
  };

  StatsCounts counts() const;
  StatsDay today(bool with_domains) const;
  void close_day(DayNumber next);
  bool collect();
  Result<void> write_files(const StatsDay& day);
  Result<void> write_state(const StatsDay& day);
  void remove_old(DayNumber day);
  std::string path(std::string_view name) const { return (fs::path(options.folder) / name).string(); }
  // Files of one service begin alike: "a.root-servers.net" → "a-root-servers-net".
  std::string prefix() const {
    auto out = options.service;
    std::replace_if(out.begin(), out.end(), [](char c) { return c == '.' || c == '/'; }, '-');
    return out;
  }

  const StatisticsOptions& options;
  const Clock& clock;
  os::FileSystem& files;
  const std::uint64_t seed;
  mutable std::mutex mutex;
  std::vector<Member> members;
  StatsCounts base;                 // what was counted before the day began
  StatsDay carried;                 // of today, from before a restart; loads of today
  std::optional<StatsDay> closing;  // the day before, until all workers have left it
  std::vector<StatsDay> unwritten;  // closed days whose files are not written yet
  Duration saved_at{};
};

Statistics::Statistics(StatisticsOptions options, const Clock& clock, Rng& rng, os::FileSystem& files)
    : options_(std::move(options)),
      clock_(clock),
      started_(clock.now()),
      state_(std::make_unique<State>(options_, clock, rng, files)) {}
Statistics::~Statistics() = default;

StatsRecorder& Statistics::add_recorder() {
  auto recorder = std::make_unique<StatsRecorder>(options_.sketches, state_->seed);
  std::scoped_lock lock(state_->mutex);
  return *state_->members.emplace_back(State::Member{std::move(recorder), nullptr}).recorder;
}

void Statistics::zone_loaded(std::string_view zone, std::uint32_t serial, Duration load,
                             std::uint64_t octets) {
  constexpr std::size_t kMostVersions = 10000;  // of one zone and day
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::max(load, Duration{0})).count();
  std::scoped_lock lock(state_->mutex);
  if (!options_.zone.empty() && zone != options_.zone) return;
  auto& versions = state_->carried.loads[std::string(zone)];
  if (versions.size() < kMostVersions)
    versions[serial] = {serial, static_cast<std::uint32_t>(std::min<std::int64_t>(seconds, 0xffffffff)),
                        octets};
}

StatsCounts Statistics::State::counts() const {
  StatsCounts out;
  for (const auto& member : members) member.recorder->cells().add_to(out);
  return out;
}

StatsCounts Statistics::counts() const {
  std::scoped_lock lock(state_->mutex);
  return state_->counts();
}

StatsDay Statistics::State::today(bool with_domains) const {
  StatsDay out;
  if (with_domains) {
    out = carried;
  } else {
    out.day = carried.day;
    out.counts = carried.counts;
    out.v4 = carried.v4;
    out.v6 = carried.v6;
    out.v6_networks = carried.v6_networks;
    out.clients = carried.clients;
    out.loads = carried.loads;
  }
  auto counted = counts();
  counted -= base;
  out.counts += counted;
  for (const auto& member : members) join(member.recorder->bank(), out, with_domains);
  return out;
}

StatsDay Statistics::today(bool with_domains) const {
  std::scoped_lock lock(state_->mutex);
  return state_->today(with_domains);
}

TopLists Statistics::top(std::size_t most) const {
  std::scoped_lock lock(state_->mutex);
  TopLists out;
  if (!options_.sketches.top) return out;
  std::vector<const TopSketch*> names, enclosers, addresses, networks;
  for (const auto& member : state_->members) {
    const auto& bank = member.recorder->bank();
    names.push_back(bank.names.get());
    enclosers.push_back(bank.enclosers.get());
    addresses.push_back(bank.addresses.get());
    networks.push_back(bank.networks.get());
  }
  out.names = TopSketch::merged(names, most);
  out.enclosers = TopSketch::merged(enclosers, most);
  out.addresses = TopSketch::merged(addresses, most);
  out.networks = TopSketch::merged(networks, most);
  return out;
}

// The counters are divided here; the sketches follow when each worker has begun its next batch.
void Statistics::State::close_day(DayNumber next) {
  const auto now = counts();
  closing = std::move(carried);
  auto counted = now;
  counted -= base;
  closing->counts += counted;
  base = now;
  carried = StatsDay{};
  carried.day = next;
  for (auto& member : members)
    member.old = member.recorder->replace_bank(std::make_unique<StatsBank>(options.sketches));
}

// True when nothing of a closing day is missing any more.
bool Statistics::State::collect() {
  if (!closing) return true;
  for (auto& member : members) {
    if (!member.old || !member.recorder->has_left_old_bank()) continue;
    join(*member.old, *closing);
    member.old.reset();
  }
  if (std::any_of(members.begin(), members.end(), [](const Member& member) { return member.old != nullptr; }))
    return false;
  unwritten.push_back(std::move(*closing));
  closing.reset();
  return true;
}

Result<void> Statistics::State::write_files(const StatsDay& day) {
  const auto date = day_text(day.day);
  const auto name = [&](std::string_view metric, std::string_view ending) {
    return fmt::format("{}/{}/{}/{}-{}{}{}-{}.{}", date.substr(0, 4), date.substr(5, 2), metric, prefix(),
                       date.substr(0, 4), date.substr(5, 2), date.substr(8, 2), metric, ending);
  };
  const auto write = [&](const std::string& file, ByteView content) -> Result<void> {
    std::error_code error;
    fs::create_directories(fs::path(path(file)).parent_path(), error);
    if (error)
      return fail(Code::io, fmt::format("cannot make the folder of {}: {}", path(file), error.message()));
    return os::write_file_atomically(path(file), content, 0644, files);
  };
  for (const auto& [metric, text] : rssac002(day, options.service, options.zone))
    ONOMA_TRY_VOID(write(name(metric, "yaml"), as_bytes(text)));
  if (!options.sketches.magnitude) return {};
  return write(name(kDataset, "cbor"), magnitude_dataset(day, options.magnitude_domains));
}

Result<void> Statistics::State::write_state(const StatsDay& day) {
  return os::write_file_atomically(path("statistics.state"), serve::write_state(day), 0600, files);
}

void Statistics::State::remove_old(DayNumber day) {
  if (options.keep_days <= 0) return;
  std::error_code error;
  std::vector<fs::path> old;
  for (auto at = fs::recursive_directory_iterator(options.folder, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at.depth() != 3) continue;
    const auto of = day_in(at->path().filename().string(), prefix());
    if (of && *of < day - options.keep_days) old.push_back(at->path());
  }
  for (const auto& path : old) files.unlink(path.c_str());
}

Result<void> Statistics::restore() {
  if (options_.folder.empty()) return {};
  auto& state = *state_;
  std::error_code error;
  fs::create_directories(options_.folder, error);
  if (error)
    return fail(Code::io, fmt::format("cannot make the folder {} for statistics: {}", options_.folder,
                                      error.message()));
  const auto bytes = os::read_file(state.path("statistics.state"), kMostStateOctets, state.files);
  if (!bytes) {
    if (bytes.error().code == Code::not_found) return {};
    return std::unexpected(bytes.error());
  }
  auto day = read_state(*bytes);
  if (!day) return fail_in(state.path("statistics.state"), day.error());
  std::scoped_lock lock(state.mutex);
  if (day->day == state.carried.day) {
    state.carried.merge(*day);
  } else if (day->day < state.carried.day) {
    state.unwritten.push_back(std::move(*day));
  }
  return {};
}

Result<void> Statistics::tick() {
  auto& state = *state_;
  std::scoped_lock lock(state.mutex);
  // A clock that was set back never opens an earlier day again; a day that is still closing is finished
  // first.
  const auto day = day_of(clock_.now());
  const bool settled = state.collect();
  if (settled && day > state.carried.day) {
    state.close_day(day);
    state.collect();
  }
  if (options_.folder.empty()) {
    state.unwritten.clear();
    return {};
  }
  constexpr std::size_t kMostUnwritten = 31;
  if (state.unwritten.size() > kMostUnwritten) state.unwritten.erase(state.unwritten.begin());
  while (!state.unwritten.empty()) {
    ONOMA_TRY_VOID(state.write_files(state.unwritten.front()));
    state.unwritten.erase(state.unwritten.begin());
    state.remove_old(state.carried.day);
  }
  if (clock_.steady() - state.saved_at < options_.save_every || state.closing) return {};
  state.saved_at = clock_.steady();
  return state.write_state(state.today(true));
}

Result<void> Statistics::save() {
  auto& state = *state_;
  std::scoped_lock lock(state.mutex);
  if (options_.folder.empty()) return {};
  if (state.closing && !state.collect())
    return fail(Code::unavailable, "a worker still counts for the day before");
  for (const auto& day : state.unwritten) ONOMA_TRY_VOID(state.write_files(day));
  state.unwritten.clear();
  return state.write_state(state.today(true));
}

}  // namespace onoma::serve
