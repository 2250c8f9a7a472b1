// Makes an artificial top-level zone and questions about it. The same arguments give the same octets, on
// every machine. Usage: zone_gen DELEGATIONS [--tld NAME] [--seed N] [--serial N] [--zone FILE] [--owners
// FILE]
//                 [--queries FILE --count N] [--changed SHARE]
//
// The zone, a million delegations: about 151 MB of text, 2.9 million records. 12 % have name servers below
// themselves, with one to three glue addresses; 4 % have DS, one of five of these two. The others share the
// sets of hosting companies, whose sizes follow a power law and the largest of which give their customers one
// of many pairs; 3 % have a set that nobody shares. Owners are in no order, as in a registry's data base.
// --changed: of so many per mille of the hosted delegations the name servers differ from what they would be
// without it: the next version of the same zone.
//
// Questions (dnsperf's format) are uniform over all names, in random order: 60 % referrals without DS, 10 %
// with DS, 30 % names that do not exist. --owners writes one question for each delegation.
//
// Prints what it made as one JSON object.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace {

// SplitMix64: good enough, and the same everywhere.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    auto z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

// A file written in large pieces.
class Output {
 public:
  explicit Output(const char* path) : file_(std::fopen(path, "wb")), path_(path) {
    if (file_ == nullptr) fail();
    buffer_.reserve(kFull + 4096);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    flush();
    if (std::fclose(file_) != 0) fail();
  }
  Output& operator<<(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= kFull) flush();
    return *this;
  }
  Output& operator<<(std::uint64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return *this << std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()));
  }
  std::uint64_t octets() const { return octets_ + buffer_.size(); }

 private:
  static constexpr std::size_t kFull = 1 << 20;
  [[noreturn]] void fail() const {
    std::perror(path_);
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  void flush() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) fail();
    octets_ += buffer_.size();
    buffer_.clear();
  }
  std::FILE* file_;
  const char* path_;
  std::string buffer_;
  std::uint64_t octets_ = 0;
};

constexpr std::string_view kConsonants = "bcdfghjklmnprstvwz", kVowels = "aeiou",
                           kTail = "bcdfghjklmnprstvwzaeiou-";
constexpr std::uint64_t kHosters = 2000;     // with customers in this zone
constexpr std::uint64_t kLargeHosters = 40;  // of these, that have many pairs
constexpr std::uint64_t kPairs = 200;

struct Arguments {
  std::uint64_t delegations = 0, seed = 1, serial = 2026010101, count = 1'000'000, changed = 0;
  std::string tld = "bench";
  const char *zone = nullptr, *owners = nullptr, *queries = nullptr;
};

enum class Kind : std::uint8_t { own, secure, plain };

Kind kind_of(std::uint64_t number) {
  const auto spread = number * 2654435761U % 100;
  return spread < 12 ? Kind::own : spread < 16 ? Kind::secure : Kind::plain;
}

// A label that looks like a word, different for every number; no label has an x.
void make_label(std::uint64_t seed, std::uint64_t number, std::string& out) {
  out.clear();
  auto rest = number;
  do {
    const auto digit = rest % (kConsonants.size() * kVowels.size());
    rest /= kConsonants.size() * kVowels.size();
    out += kConsonants[digit % kConsonants.size()];
    out += kVowels[digit / kConsonants.size()];
  } while (rest != 0);
  out += 'q';
  Chance chance(seed ^ (number + 1) * 0x2545f4914f6cdd1dU);
  const auto tail = 1 + chance.below(12);
  for (std::uint64_t i = 0; i < tail; ++i) {
    auto letter = kTail[chance.below(kTail.size())];
    if (letter == '-' && (i == 0 || i + 1 == tail || out.back() == '-')) letter = 's';
    out += letter;
  }
}

struct Made {
  std::uint64_t records = 0, servers = 0, glue = 0, ds = 0, text_octets = 0, label_octets = 0;
  std::uint64_t questions = 0, referrals = 0, secure_referrals = 0, absent = 0;
};

class Zone {
 public:
  Zone(const Arguments& given, Made& made) : given_(given), made_(made) {}

  void write(Output& out) {
    out << "$ORIGIN " << given_.tld << ".\n$TTL 3600\n@ 3600 IN SOA ns1.nic." << given_.tld
        << ". hostmaster.nic." << given_.tld << ". " << given_.serial << " 1800 900 604800 300\n"
        << "@ 86400 IN NS ns1.nic." << given_.tld << ".\n@ 86400 IN NS ns2.nic." << given_.tld << ".\n"
        << "nic 86400 IN NS ns1.nic." << given_.tld << ".\nnic 86400 IN NS ns2.nic." << given_.tld << ".\n"
        << "ns1.nic 86400 IN A 192.0.2.1\nns1.nic 86400 IN AAAA 2001:db8::1\nns2.nic 86400 IN A 192.0.2.2\n";
    made_.records = 8;
    for (std::uint64_t number = 0; number < given_.delegations; ++number) write_delegation(out, number);
    made_.records += made_.servers + made_.glue + made_.ds;
    made_.text_octets = out.octets();
  }

 private:
  void write_delegation(Output& out, std::uint64_t number) {
    make_label(given_.seed, number, label_);
    made_.label_octets += label_.size();
    Chance chance(given_.seed + 0x5bd1e995U + number * 0x9e3779b97f4a7c15U);
    const auto kind = kind_of(number);
    if (kind == Kind::own) {
      write_own(out, number, chance);
    } else {
      write_hosted(out, number, chance);
    }
    if (kind != Kind::secure) return;
    for (auto left = chance.below(5) == 0 ? 2 : 1; left > 0; --left) {
      out << label_ << " 3600 IN DS " << chance.below(65536) << " 13 2 ";
      std::array<char, 64> digest{};
      for (auto& digit : digest) digit = "0123456789ABCDEF"[chance.next() >> 60];
      out << std::string_view(digest.data(), digest.size()) << "\n";
      ++made_.ds;
    }
  }

  void write_own(Output& out, std::uint64_t number, Chance& chance) {
    for (unsigned server = 1; server <= 2; ++server) {
      out << label_ << " 86400 IN NS ns" << server << "." << label_ << "." << given_.tld << ".\n";
      out << "ns" << server << "." << label_ << " 86400 IN A " << (server == 1 ? "198.51." : "203.0.")
          << (number >> 8 & 255) << "." << (number & 255) << "\n";
      made_.servers += 1;
      made_.glue += 1;
    }
    if (chance.below(10) < 8) {
      out << "ns1." << label_ << " 86400 IN AAAA 2001:db8:" << hex(number >> 16 & 0xffff) << ":"
          << hex(number & 0xffff) << "::53\n";
      made_.glue += 1;
    }
  }

  void write_hosted(Output& out, std::uint64_t number, Chance& chance) {
    if (chance.below(100) < 3) {  // a set of its own, elsewhere
      for (unsigned server = 1; server <= 2; ++server)
        out << label_ << " 86400 IN NS ns" << server << "." << label_ << "-dns.example.\n";
      made_.servers += 2;
      return;
    }
    // Sizes of hosters: few are large.
    auto hoster = static_cast<std::uint64_t>(std::pow(static_cast<double>(kHosters), chance.unit()));
    const auto pair = chance.below(kPairs);
    if (given_.changed > 0 && number * 40503U % 1000 < given_.changed) hoster = (hoster + 7) % kHosters + 1;
    const auto large = hoster <= kLargeHosters;
    // How many servers a hoster has is its own affair: two to four, 2.65 on average.
    const auto form = hoster * 7 % 20;
    const unsigned servers = form < 10 ? 2 : form < 17 ? 3 : 4;
    for (unsigned server = 1; server <= servers; ++server) {
      out << label_ << " 86400 IN NS ";
      if (large) {
        out << "ns" << (pair * 4 + server) << ".dns.";
      } else {
        out << "ns" << server << ".";
      }
      out << "hoster" << hoster << ".example.\n";
    }
    made_.servers += servers;
  }

  static std::string hex(std::uint64_t number) {
    std::array<char, 16> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr};
  }

  const Arguments& given_;
  Made& made_;
  std::string label_;
};

void write_owners(const Arguments& given, Output& out) {
  std::string label;
  for (std::uint64_t number = 0; number < given.delegations; ++number) {
    make_label(given.seed, number, label);
    out << label << "." << given.tld << " A\n";
  }
}

void write_queries(const Arguments& given, Made& made, Output& out) {
  Chance chance(given.seed + 2);
  std::string label;
  const auto draw = [&](bool secure) {
    for (;;) {
      const auto number = chance.below(given.delegations);
      if ((kind_of(number) == Kind::secure) == secure) return number;
    }
  };
  for (std::uint64_t i = 0; i < given.count; ++i) {
    const auto spread = chance.below(100);
    if (spread < 60) {
      make_label(given.seed, draw(false), label);
      ++made.referrals;
    } else if (spread < 70) {
      make_label(given.seed, draw(true), label);
      label.insert(0, "www.");
      ++made.secure_referrals;
    } else {
      make_label(given.seed, chance.below(given.delegations), label);
      label += 'x';
      label += std::to_string(chance.below(100'000));
      ++made.absent;
    }
    out << label << "." << given.tld << " A\n";
  }
  made.questions = given.count;
}

[[noreturn]] void usage() {
  std::fprintf(
      stderr,
      "usage: zone_gen DELEGATIONS [--tld NAME] [--seed N] [--serial N] [--changed PER_MILLE] [--zone FILE]\n"
      "                [--owners FILE] [--queries FILE --count N]\n");
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): one thread
}

std::uint64_t number_of(const char* text) {
  std::uint64_t value = 0;
  const auto* const end = text + std::strlen(text);
  if (std::from_chars(text, end, value).ptr != end || text == end) usage();
  return value;
}

Arguments parse(int argc, char** argv) {
  if (argc < 2) usage();
  Arguments out;
  out.delegations = number_of(argv[1]);
  if (out.delegations < 1000) usage();  // every kind must occur
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    const char* value = argv[i + 1];
    if (option == "--tld") {
      out.tld = value;
    } else if (option == "--seed") {
      out.seed = number_of(value);
    } else if (option == "--serial") {
      out.serial = number_of(value);
    } else if (option == "--changed") {
      out.changed = number_of(value);
    } else if (option == "--count") {
      out.count = number_of(value);
    } else if (option == "--zone") {
      out.zone = value;
    } else if (option == "--owners") {
      out.owners = value;
    } else if (option == "--queries") {
      out.queries = value;
    } else {
      usage();
    }
  }
  if (argc % 2 != 0) usage();
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const auto given = parse(argc, argv);
  Made made;
  if (given.zone != nullptr) {
    Output out(given.zone);
    Zone(given, made).write(out);
  }
  if (given.owners != nullptr) {
    Output out(given.owners);
    write_owners(given, out);
  }
  if (given.queries != nullptr) {
    Output out(given.queries);
    write_queries(given, made, out);
  }
  std::printf(
      "{\"delegations\": %llu, \"records\": %llu, \"ns\": %llu, \"glue\": %llu, \"ds\": %llu, "
      "\"text_octets\": %llu, "
      "\"label_octets\": %llu, \"questions\": %llu, \"referrals\": %llu, \"secure_referrals\": %llu, "
      "\"absent\": %llu}\n",
      static_cast<unsigned long long>(given.delegations), static_cast<unsigned long long>(made.records),
      static_cast<unsigned long long>(made.servers), static_cast<unsigned long long>(made.glue),
      static_cast<unsigned long long>(made.ds), static_cast<unsigned long long>(made.text_octets),
      static_cast<unsigned long long>(made.label_octets), static_cast<unsigned long long>(made.questions),
      static_cast<unsigned long long>(made.referrals), static_cast<unsigned long long>(made.secure_referrals),
      static_cast<unsigned long long>(made.absent));
  return 0;
}
