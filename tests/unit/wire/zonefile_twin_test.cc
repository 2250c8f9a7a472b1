// The quick ways through zone text against the careful one: block kernels, short cuts, pieces.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "support/environment.h"
#include "unit/wire/zone_twin.h"
#include "wire/zone_scan.h"

namespace onoma::wire::test {
namespace {

constexpr ZoneScan kQuick[] = {ZoneScan::scalar, ZoneScan::sse2, ZoneScan::avx2, ZoneScan::fastest};

ZoneFileOptions options() {
  ZoneFileOptions out;
  out.origin = *Name::parse("example.");
  out.file_name = "z";
  out.max_generate = 12;
  return out;
}

// Everything that carries over a line end, and everything that hides one.
constexpr std::string_view kTricky =
    "a 7 A 192.0.2.1\n  AAAA 2001:db8::1\n; comment (with \"signs\n"
    "@ IN SOA ns1 host (\n  1 ; serial\n  2h 3 4 5 )\n\n"
    "$TTL 300\nb NS ns1.b\nb NS ns2.b.example.\n\t  IN NS @\n"
    "$ORIGIN sub.example.\nc TXT \"line\none\" two;three\n   \t\n  TXT ( a\nb A 192.0.2.9\n c )\n"
    "$GENERATE 1-3 h$ A 192.0.2.$\n  AAAA ::2\n"
    "d\\.e A 192.0.2.4\nd\\046e A 192.0.2.5\n$ORIGIN deeper\n$TTL 1h\nf 60 IN DS 1 13 2 00AAbb ; x\n"
    "$ORIGIN .\ng.example. SVCB 1 . alpn=\"h2;x\" port=53\n"
    "e TXT \"$ORIGIN nowhere.\n$TTL 9\n\"\nh 5 MX 10 mail\n"
    "i RRSIG A 13 2 3600 20300131000000 20200101000000 1 example. AAAA BBA=\n"
    "0123456789abcdefghijklmnopqrstuv NSEC3 1 1 0 aabb 0123456789ABCDEFGHIJKLMNOPQRSTUV A RRSIG TYPE777\n"
    "j NSEC k.example. A NSEC RRSIG\nlast CNAME www";

struct Data {
  const char* file;
  const char* origin;
};

std::string unpacked(const char* name) {
  const auto file = onoma::test::shared_data("zones") / name;
  if (!std::filesystem::exists(file)) return {};
  const std::string command = "xz -dc '" + file.string() + "'";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string out;
  char buffer[65536];
  for (std::size_t size; pipe && (size = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;)
    out.append(buffer, size);
  return out;
}

void on_threads(std::size_t tasks, const std::function<void(std::size_t)>& run) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < tasks; ++i) threads.emplace_back([&run, i] { run(i); });
  for (auto& thread : threads) thread.join();
}

// Octets that mean something, runs of such that do not, a few of any kind.
std::string random_text(std::mt19937_64& random, std::size_t most) {
  static constexpr std::string_view kWords[] = {
      "\n",     "\n",          "\n",   " ",         " ",    "\t",  ";",           "(",     ")",
      "\"",     "\\",          "\r\n", "a",         "@",    "IN",  "A",           "NS",    "60",
      "$TTL 5", "$ORIGIN x\n", ".",    "192.0.2.1", "a.b.", "TXT", "DS 1 1 1 00", "\n\n  "};
  std::string out;
  while (out.size() < most) {
    const auto kind = random() % 64;
    if (kind == 0)
      out.append(random() % 200, ' ');
    else if (kind == 1)
      out.append(random() % 200, 'x');
    else if (kind == 2)
      out.push_back(static_cast<char>(random()));
    else
      out += kWords[random() % std::size(kWords)];
  }
  return out;
}

void mutilate(std::string& text, std::mt19937_64& random) {
  static constexpr std::string_view kOctets = "\n\n\n ();\"\\\t\r@$.a0";
  for (auto times = 1 + random() % 3; times > 0 && !text.empty(); --times) {
    const auto at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = kOctets[random() % kOctets.size()];
        break;
      case 1:
        text.erase(at, 1 + random() % 20);
        break;
      case 2:
        text.insert(at, 1, kOctets[random() % kOctets.size()]);
        break;
      default:
        text.insert(at, std::string(random() % 90, random() % 2 == 0 ? ' ' : 'y'));
    }
  }
}

void expect_same(const std::string& text, std::mt19937_64& random) {
  // A copy of exactly this size, so that a sanitizer sees a read too far.
  const std::vector<char> exact(text.begin(), text.end());
  const std::string_view view(exact.data(), exact.size());
  const auto careful = read_whole(view, options(), ZoneScan::careful);
  for (const auto scan : kQuick)
    ASSERT_EQ(read_whole(view, options(), scan), careful) << static_cast<int>(scan) << "\n" << text;
  const auto expected = careful.without_records();
  ASSERT_EQ(read_pieces(view, options(), zone_text_cuts(view, options(), 1 + random() % 8)), expected)
      << text;
  ASSERT_EQ(read_pieces(view, options(), random_cuts(view.size(), 1 + random() % 9, random)), expected)
      << text;
}

TEST(ZoneFileTwin, KernelsAgreeOnEveryOctet) {
  using detail::classifier;
  using detail::kBlockOctets;
  std::mt19937_64 random(1);
  const auto scalar = classifier(ZoneScan::scalar);
  for (int round = 0; round < 2000; ++round) {
    char block[kBlockOctets];
    const auto text = random_text(random, kBlockOctets);
    for (std::size_t i = 0; i < kBlockOctets; ++i)
      block[i] = round < 256 ? static_cast<char>((static_cast<std::size_t>(round) + i) & 0xff) : text[i];
    const auto expected = scalar(block);
    for (const auto scan : kQuick) {
      const auto found = classifier(scan)(block);
      ASSERT_EQ(found.blank, expected.blank);
      ASSERT_EQ(found.newline, expected.newline);
      ASSERT_EQ(found.stop, expected.stop);
    }
  }
  EXPECT_EQ(classifier(ZoneScan::careful), nullptr);
}

TEST(ZoneFileTwin, TheTrickyZoneIsReadWhole) {
  const auto reading = read_whole(kTricky, options(), ZoneScan::careful);
  EXPECT_EQ(reading.error, "");
  EXPECT_GT(reading.records.size(), 500U);
}

TEST(ZoneFileTwin, PiecesAtEveryCut) {
  const auto expected = read_whole(kTricky, options(), ZoneScan::careful).without_records();
  for (std::size_t cut = 1; cut < kTricky.size(); ++cut) {
    EXPECT_EQ(read_pieces(kTricky, options(), std::vector<std::size_t>{0, cut}), expected) << cut;
    if (cut + 7 < kTricky.size()) {
      EXPECT_EQ(read_pieces(kTricky, options(), std::vector<std::size_t>{0, cut, cut + 7}), expected) << cut;
    }
  }
  for (std::size_t pieces = 1; pieces < 40; ++pieces) {
    const auto cuts = zone_text_cuts(kTricky, options(), pieces);
    EXPECT_EQ(read_pieces(kTricky, options(), cuts, on_threads), expected) << pieces;
  }
}

TEST(ZoneFileTwin, TheFirstErrorOfTheTextIsTheOneTold) {
  std::string text(kTricky);
  text += "\nx A 192.0.2.300\ny A 192.0.2.1 z\n";
  for (std::size_t pieces = 1; pieces < 40; ++pieces)
    EXPECT_EQ(read_pieces(text, options(), zone_text_cuts(text, options(), pieces)).error,
              "z:36:5: expected an IPv4 address such as 192.0.2.1, found '192.0.2.300'");
}

TEST(ZoneFileTwin, TheLimitOfGenerateHoldsOverAllPieces) {
  std::string text;
  for (int i = 0; i < 5; ++i) text += "$GENERATE 1-3 h$ A 192.0.2.$\nx A 192.0.2.1\n";
  const auto whole = read_whole(text, options(), ZoneScan::careful);
  EXPECT_NE(whole.error.find("z:9:11: expected at most 12 records"), std::string::npos) << whole.error;
  for (std::size_t pieces = 1; pieces < 10; ++pieces)
    EXPECT_EQ(read_pieces(text, options(), zone_text_cuts(text, options(), pieces)).error, whole.error);
}

TEST(ZoneFileTwin, OtherFilesAreNotReadOnAGuess) {
  auto including = options();
  const std::string text = "a A 192.0.2.1\nb TXT \"x\n$include y\n\"\nc A 192.0.2.1\n";
  EXPECT_GT(zone_text_cuts(text, including, 4).size(), 1U);
  including.allow_include = true;
  EXPECT_EQ(zone_text_cuts(text, including, 4), std::vector<std::size_t>{0});
}

TEST(ZoneFileTwin, LinesLongerThanManyBlocks) {
  std::mt19937_64 random(2);
  for (const std::size_t size : {60U, 63U, 64U, 65U, 127U, 128U, 129U, 4000U, 4095U, 4096U, 4097U, 9000U}) {
    expect_same("a A" + std::string(size, ' ') + "192.0.2.1\nb A 192.0.2.1\n", random);
    expect_same("a A 192.0.2.1 ;" + std::string(size, 'c') + "\nb A 192.0.2.1", random);
    expect_same("a A 192.0.2.1" + std::string(size, ' ') + ";\n b A 192.0.2.1", random);
    expect_same(std::string(size, 'x') + " A 192.0.2.1\nb A 192.0.2.1", random);
    expect_same(std::string(size, ' ') + "\nb A 192.0.2.1", random);
  }
  expect_same(";" + std::string(std::size_t{1} << 20, 'c') + "\na A 192.0.2.1\n", random);
}

TEST(ZoneFileTwin, WordsWithZeroOctetsAndSplitData) {
  std::mt19937_64 random(5);
  using namespace std::string_literals;
  expect_same("a AAAA\0\0 ::1\na A\0 192.0.2.1\n"s, random);
  expect_same("a DS 1 13 2 00 AA bb\na DS 1 13 2 0 0aabb\n", random);
  expect_same("a DS 1 13 2 " + std::string(9000, 'a') + "\n", random);
  expect_same("a DNSKEY 257 3 13 AAAA BBBB CCC= \na DNSKEY 257 3 13 AA AABB BB\na DNSKEY 257 3 13 A=== \n",
              random);
}

TEST(ZoneFileTwin, RandomTexts) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 800; ++round)
    ASSERT_NO_FATAL_FAILURE(expect_same(random_text(random, random() % 700), random));
}

TEST(ZoneFileTwin, MutilatedZones) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 1500; ++round) {
    std::string text(kTricky);
    mutilate(text, random);
    ASSERT_NO_FATAL_FAILURE(expect_same(text, random));
  }
}

class RealZoneTwin : public ::testing::TestWithParam<Data> {};

TEST_P(RealZoneTwin, EveryWayGivesTheSameRecords) {
  const auto text = unpacked(GetParam().file);
  if (text.empty())
    GTEST_SKIP() << GetParam().file << " is not here (set ONOMA_SHARED_DATA) or xz is not installed";
  auto opts = options();
  opts.origin = *Name::parse(GetParam().origin);
  const auto careful = read_whole(text, opts, ZoneScan::careful);
  EXPECT_EQ(careful.error, "");
  EXPECT_EQ(read_whole(text, opts, ZoneScan::fastest), careful);
  EXPECT_EQ(read_pieces(text, opts, zone_text_cuts(text, opts, 7), on_threads), careful);
}
INSTANTIATE_TEST_SUITE_P(Shared, RealZoneTwin,
                         ::testing::Values(Data{"root-2020-10-19.zone.xz", "."},
                                           Data{"root-unsigned-2026-08-22.zone.xz", "."},
                                           Data{"gov-2026-08-22.zone.xz", "gov."}));

}  // namespace
}  // namespace onoma::wire::test
