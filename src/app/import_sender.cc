#include "app/import_sender.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/object_requests.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

constexpr std::size_t kBatchObjects = 1000;
constexpr std::size_t kBatchOctets = 900U << 10;  // the door takes 1 MiB
constexpr std::size_t kInFlight = 8;
constexpr auto kProgressEvery = std::chrono::milliseconds{200};

struct Range {
  std::size_t begin = 0, end = 0;
};

std::vector<Range> batches_of(const std::vector<std::string>& objects) {
  std::vector<Range> out;
  std::size_t octets = 0;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (out.empty() || out.back().end - out.back().begin == kBatchObjects ||
        octets + objects[i].size() > kBatchOctets) {
      out.push_back({i, i});
      octets = 0;
    }
    out.back().end = i + 1;
    octets += objects[i].size() + 1;
  }
  return out;
}

// What many notes have in common: "domain x.gov: DS 1 5 1: the digest type is not 2" → "the digest type is
// not 2", and "its name server ns1.x.gov lies …" → "its name server ... lies …".
std::string reason_of(std::string_view note) {
  if (const auto colon = note.rfind(": "); colon != std::string_view::npos) note.remove_prefix(colon + 2);
  std::string out;
  while (!note.empty()) {
    const auto end = std::min(note.find(' '), note.size());
    const auto word = note.substr(0, end);
    const auto mark = word.find_first_of(".:");
    if (!out.empty()) out += ' ';
    out += mark != std::string_view::npos && mark + 1 < word.size() ? std::string_view("...") : word;
    note.remove_prefix(std::min(end + 1, note.size()));
  }
  return out;
}

// What the threads share.
struct Work {
  const ImportGroup& group;
  std::vector<Range> ranges;  // not begun yet, last first
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t done = 0;     // objects
  std::size_t running = 0;  // threads
  std::optional<Error> problem;
  ImportTotals& totals;

  void add(const json::object& outcome) {
    ++totals.batches;
    if (const auto* seq = outcome.if_contains("seq"); seq && seq->is_number()) {
      const auto number = seq->to_number<std::uint64_t>();
      if (number != 0) ++totals.changed_batches;
      totals.last_seq = std::max(totals.last_seq, number);
    }
    const auto* notes = outcome.if_contains("notes");
    if (!notes || !notes->is_array()) return;
    for (const auto& note : notes->as_array()) {
      if (!note.is_string()) continue;
      auto& known = totals.notes[reason_of(note.as_string())];
      if (++known.count == 1) known.example = std::string(note.as_string());
    }
  }
};

std::string body_of(const ImportGroup& group, const Range& range) {
  std::string out = fmt::format(R"({{"{}":[)", group.member);
  for (std::size_t i = range.begin; i < range.end; ++i) {
    if (i != range.begin) out += ',';
    out += group.objects[i];
  }
  return out + "]}";
}

void run(Work& work, const Access& access, const std::string& target) {
  auto client = Client::open(access);
  std::unique_lock lock(work.mutex);
  if (!client) work.problem = client.error();
  while (!work.problem && !work.ranges.empty()) {
    const auto range = work.ranges.back();
    work.ranges.pop_back();
    lock.unlock();
    const auto reply = client->send("POST", target, body_of(work.group, range));
    auto outcome = reply ? read_object(reply->body) : Result<json::object>(std::unexpected(reply.error()));
    lock.lock();
    if (outcome) {
      work.add(*outcome);
      work.done += range.end - range.begin;
    } else if (outcome.error().code == Code::too_large && range.end - range.begin > 1) {
      // The batch brings along more than one event may hold: two halves.
      const auto middle = range.begin + (range.end - range.begin) / 2;
      work.ranges.push_back({middle, range.end});
      work.ranges.push_back({range.begin, middle});
    } else if (!work.problem) {
      work.problem = outcome.error();
    }
  }
  --work.running;
  work.changed.notify_all();
}

}  // namespace

Result<void> ImportSender::send(const ImportGroup& group) {
  Work work{.group = group, .ranges = batches_of(group.objects), .totals = totals_};
  std::ranges::reverse(work.ranges);
  const auto target = fmt::format("/v1/zones/{}/import", encoded(zone_));
  const auto threads = std::min(kInFlight, work.ranges.size());
  work.running = threads;
  std::vector<std::jthread> pool;
  pool.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) pool.emplace_back([&] { run(work, access_, target); });
  std::unique_lock lock(work.mutex);
  while (work.running != 0) {
    work.changed.wait_for(lock, kProgressEvery);
    const auto done = done_ + work.done;
    lock.unlock();
    progress_(done);
    lock.lock();
  }
  done_ += work.done;
  auto problem = std::move(work.problem);
  lock.unlock();
  pool.clear();
  if (problem) return std::unexpected(*std::move(problem));
  return {};
}

}  // namespace onoma::app
