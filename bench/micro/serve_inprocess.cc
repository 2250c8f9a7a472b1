// The answer engine without sockets: query packets in memory in, answer packets in memory out. What it shows
// is the work of the program itself, with the caches as in life: as many different questions as there are
// lines, in the order of the file, far more than the caches hold.
//
// Usage: serve_inprocess FILE --zone NAME [--copy] --queries FILE [--seconds S] [--batch N] [--dnssec]
// [--count N]
//                              [--expect-nxdomain N]
// FILE: text or a compiled image. One thread, not pinned (taskset does that). One pass over all questions
// warms up and is checked: every question has an answer, NOERROR or NXDOMAIN, and as many NXDOMAIN as told.
// Prints one JSON object.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/large_memory.h"
#include "load/queries.h"
#include "os/mapped_file.h"
#include "serve/answer.h"
#include "serve/zones.h"
#include "zone/image.h"
#include "zone/image_file.h"
#include "zone/load.h"

namespace {

using onoma::bench::Queries;
namespace serve = onoma::serve;
namespace zone = onoma::zone;

constexpr std::size_t kBatchMax = 64;
constexpr std::size_t kSlotOctets = 4096;

struct Arguments {
  std::string file, zone, queries;
  std::size_t batch = kBatchMax, count = SIZE_MAX;
  double seconds = 5;
  long long expect_nxdomain = -1;
  bool dnssec = false, copy = false;
};

[[noreturn]] void usage() {
  std::fprintf(
      stderr,
      "usage: serve_inprocess FILE --zone NAME [--copy] --queries FILE [--seconds S] [--batch N] [--dnssec]\n"
      "                             [--count N] [--expect-nxdomain N]\n");
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): one thread
}

template <class Number>
Number number_of(const std::string& text) {
  Number value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) usage();
  return value;
}

Arguments parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&] {
      if (++i >= argc) usage();
      return std::string(argv[i]);
    };
    if (option == "--zone") {
      out.zone = value();
    } else if (option == "--queries") {
      out.queries = value();
    } else if (option == "--seconds") {
      out.seconds = number_of<double>(value());
    } else if (option == "--batch") {
      out.batch = number_of<std::size_t>(value());
    } else if (option == "--count") {
      out.count = number_of<std::size_t>(value());
    } else if (option == "--expect-nxdomain") {
      out.expect_nxdomain = number_of<long long>(value());
    } else if (option == "--copy") {
      out.copy = true;
    } else if (option == "--dnssec") {
      out.dnssec = true;
    } else if (out.file.empty() && !option.starts_with("--")) {
      out.file = option;
    } else {
      usage();
    }
  }
  if (out.file.empty() || out.zone.empty() || out.queries.empty() || out.batch == 0 || out.batch > kBatchMax)
    usage();
  return out;
}

[[noreturn]] void give_up(const std::string& message) {
  std::fprintf(stderr, "serve_inprocess: %s\n", message.c_str());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
}

class Mapping {
 public:
  explicit Mapping(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about{};
    if (fd < 0 || fstat(fd, &about) != 0 || about.st_size == 0)
      give_up(path + " cannot be read, or is empty");
    size_ = static_cast<std::size_t>(about.st_size);
    at_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (at_ == MAP_FAILED) give_up(path + " cannot be mapped");
  }
  ~Mapping() { munmap(at_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  onoma::ByteView octets() const { return {static_cast<const std::uint8_t*>(at_), size_}; }

 private:
  void* at_ = nullptr;
  std::size_t size_ = 0;
};

zone::SnapshotPtr load(const Arguments& given) {
  zone::set_image_settings({.allocate = onoma::large_memory});  // as the program does
  auto apex = onoma::wire::Name::parse(given.zone);
  if (!apex) give_up("--zone " + given.zone + " is no name");
  // A mapping serves for text, and is how images are served until they are copied (--copy does that at once).
  auto file = std::make_shared<const Mapping>(given.file);
  if (zone::looks_like_image(file->octets())) {
    auto copy = std::make_shared<const onoma::Bytes>(
        given.copy ? onoma::Bytes(file->octets().begin(), file->octets().end()) : onoma::Bytes());
    const auto octets = given.copy ? onoma::ByteView(*copy) : file->octets();
    const auto image = zone::ImageFile::open(octets);
    if (!image) give_up(image.error().message);
    const auto index = image->find(*apex);
    if (!index || !*index) give_up(given.file + " has no zone " + given.zone);
    auto snapshot =
        given.copy ? image->snapshot(**index, std::move(copy)) : image->snapshot(**index, std::move(file));
    if (!snapshot) give_up(snapshot.error().message);
    return *snapshot;
  }
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone_text(onoma::as_text(file->octets()),
                                     {.origin = *apex, .file_name = given.file}, warnings);
  if (!loaded) give_up(loaded.error().message);
  return *loaded;
}

double since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

class Engine {
 public:
  Engine(serve::ZoneTable& table, Queries& queries, std::size_t batch)
      : answerer_(table, {}), queries_(queries), batch_(batch), slots_(kBatchMax * kSlotOctets) {
    for (std::size_t i = 0; i < kBatchMax; ++i)
      replies_[i].buffer = {slots_.data() + i * kSlotOctets, kSlotOctets};
    for (auto& request : requests_) request.peer = peer_;
  }

  // The next batch, from the start again at the end; returns how many.
  std::size_t step() {
    const auto count = std::min(batch_, queries_.size() - next_);
    for (std::size_t i = 0; i < count; ++i) {
      requests_[i].packet = queries_[next_ + i];
      replies_[i].size = 0;
    }
    answerer_.answer(std::span(requests_).first(count), std::span(replies_).first(count));
    next_ = next_ + count == queries_.size() ? 0 : next_ + count;
    return count;
  }
  std::span<const serve::Reply> replies() const { return replies_; }
  serve::ServeCounts counts() const { return answerer_.counts(); }
  void release() { answerer_.release(); }

 private:
  serve::Answerer answerer_;
  Queries& queries_;
  std::size_t batch_, next_ = 0;
  std::vector<std::uint8_t> slots_;
  std::array<std::uint8_t, 4> peer_{127, 0, 0, 1};
  std::array<serve::Request, kBatchMax> requests_;
  std::array<serve::Reply, kBatchMax> replies_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto given = parse(argc, argv);
  std::string error;
  auto queries = Queries::load(given.queries, {.dnssec = given.dnssec, .at_most = given.count}, error);
  if (!error.empty()) give_up(error);

  const auto load_begun = std::chrono::steady_clock::now();
  serve::ZoneTable table;
  table.set(load(given));
  const auto load_s = since(load_begun);

  Engine engine(table, queries, given.batch);
  std::uint64_t octets = 0;
  for (std::size_t done = 0; done < queries.size();) {
    const auto count = engine.step();
    for (std::size_t i = 0; i < count; ++i) {
      if (engine.replies()[i].size == 0)
        give_up("question " + std::to_string(done + i + 1) + " has no answer");
      octets += engine.replies()[i].size;
    }
    done += count;
  }
  const auto counts = engine.counts();
  const auto nxdomain = counts.by_rcode[3];
  if (counts.by_rcode[0] + nxdomain != queries.size())
    give_up("some answers are neither NOERROR nor NXDOMAIN");
  if (given.expect_nxdomain >= 0 && nxdomain != static_cast<std::uint64_t>(given.expect_nxdomain))
    give_up(std::to_string(nxdomain) + " answers are NXDOMAIN, expected " +
            std::to_string(given.expect_nxdomain));

  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t answers = 0;
  double used_s = 0;
  // The clock is read once in some thousand answers.
  while (used_s < given.seconds) {
    for (int i = 0; i < 64; ++i) answers += engine.step();
    used_s = since(begun);
  }
  engine.release();
  std::printf(
      "{\"questions\": %zu, \"nxdomain\": %llu, \"octets\": %.1f, \"load_s\": %.3f, \"batch\": %zu, "
      "\"answers\": %llu, \"seconds\": %.3f, \"per_s\": %.0f, \"ns\": %.1f}\n",
      queries.size(), static_cast<unsigned long long>(nxdomain),
      static_cast<double>(octets) / static_cast<double>(queries.size()), load_s, given.batch,
      static_cast<unsigned long long>(answers), used_s, static_cast<double>(answers) / used_s,
      used_s * 1e9 / static_cast<double>(answers));
  return 0;
}
