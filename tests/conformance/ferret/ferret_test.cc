// The Ferret test zones: thousands of small zones, each with one query and the answers that BIND, NSD, Knot
// and PowerDNS gave. All zones are served at once, each below a suffix of its own, and asked in batches.
//
// An answer passes when it equals one group of servers. Authority is compared where the answer is empty,
// since this server sends no NS set with a positive answer; addresses of that NS set are left out of the
// comparison with it.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/environment.h"
#include "unit/serve/serve_support.h"

namespace onoma::serve::test {
namespace {

std::string archive_path() {
  return onoma::test::shared_data("ferret/ferret-even.tar.xz").string();
}

// The archive as one stream of tar, read here: name → content.
std::map<std::string, std::string> read_archive(const std::string& path) {
  std::map<std::string, std::string> files;
  std::FILE* pipe = popen(("xz -dc '" + path + "'").c_str(), "r");
  if (!pipe) return files;
  std::string all;
  std::array<char, 65536> piece;
  for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    all.append(piece.data(), n);
  pclose(pipe);
  for (std::size_t at = 0; at + 512 <= all.size() && all[at] != '\0';) {
    const auto size = std::stoul(all.substr(at + 124, 11), nullptr, 8);
    if (all[at + 156] == '0') files[std::string(&all[at])] = all.substr(at + 512, size);
    at += 512 + (size + 511) / 512 * 512;
  }
  return files;
}

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(wire::ascii_lower(static_cast<std::uint8_t>(c)));
  return text;
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

// One record line with every name moved below `suffix`, in lower case: "owner ttl in type data".
std::string moved(const std::string& line, const std::string& suffix) {
  auto parts = words(line);
  if (parts.size() < 5) return "";
  const bool text = parts[3] == "TXT";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].ends_with('.') || (text && i >= 4)) continue;
    parts[i] = parts[i] == "." ? suffix : parts[i] + suffix;
  }
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : " ") + part;
  return lower(out);
}

struct Answer {
  std::string rcode, flags;
  std::set<std::string> answer, authority, additional;
};

struct Case {
  int number = 0;
  std::string suffix, qname;
  RRType qtype{};
  std::vector<Answer> groups;
};

// Strings of a JSON text in order; keys and structure follow from the order alone in these files.
std::vector<std::string> strings_of(const std::string& json) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = json.find('"', at)) != std::string::npos; ++at) {
    std::string text;
    for (++at; at < json.size() && json[at] != '"'; ++at) text += json[at] == '\\' ? json[++at] : json[at];
    out.push_back(text);
  }
  return out;
}

Case read_case(int number, const std::string& json) {
  Case out;
  out.number = number;
  out.suffix = "t" + std::to_string(number) + ".ferret.";
  const auto strings = strings_of(json);
  std::set<std::string>* section = nullptr;
  for (std::size_t i = 0; i < strings.size(); ++i) {
    const auto& text = strings[i];
    if (text == "Name")
      out.qname = strings[++i] + out.suffix;
    else if (text == "Type")
      out.qtype = *wire::parse_type(strings[++i]);
    else if (text == "Response") {
      out.groups.emplace_back();
      section = nullptr;
    } else if (text == "Server/s") {
      ++i;
      section = nullptr;
    } else if (text == "ZenResponseTag")
      break;
    else if (out.groups.empty())
      continue;
    else if (text.starts_with("rcode "))
      out.groups.back().rcode = text.substr(6);
    else if (text.starts_with("flags "))
      out.groups.back().flags = text.substr(6);
    else if (text == ";QUESTION")
      section = nullptr;
    else if (text == ";ANSWER")
      section = &out.groups.back().answer;
    else if (text == ";AUTHORITY")
      section = &out.groups.back().authority;
    else if (text == ";ADDITIONAL")
      section = &out.groups.back().additional;
    else if (section)
      section->insert(moved(text, out.suffix));
  }
  return out;
}

std::set<std::string> lines(const std::vector<Record>& records) {
  std::set<std::string> out;
  for (const auto& record : records)
    out.insert(lower(record.owner + " " + std::to_string(record.ttl) + " IN " + wire::type_text(record.type) +
                     " " + wire::rdata_text(record.type, record.rdata)));
  return out;
}

std::set<std::string> without_addresses_of_servers(const Answer& answer) {
  std::set<std::string> targets, out;
  for (const auto& line : answer.authority)
    if (const auto parts = words(line); parts.size() == 5 && parts[3] == "ns") targets.insert(parts[4]);
  for (const auto& line : answer.additional)
    if (!targets.contains(words(line)[0])) out.insert(line);
  return out;
}

bool equals(const Answer& got, const Answer& wanted) {
  if (got.rcode != wanted.rcode || got.flags != wanted.flags || got.answer != wanted.answer) return false;
  if (wanted.answer.empty()) return got.authority == wanted.authority && got.additional == wanted.additional;
  return without_addresses_of_servers(wanted) == got.additional || wanted.additional == got.additional;
}

std::string show(const Answer& answer) {
  std::string out = "  " + answer.rcode + " " + answer.flags + "\n";
  for (const auto* section : {&answer.answer, &answer.authority, &answer.additional}) {
    for (const auto& line : *section) out += "    " + line + "\n";
    out += "    --\n";
  }
  return out;
}

void ask_all(bool packed) {
  const auto path = archive_path();
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no test zones at " << path << "; set ONOMA_SHARED_DATA";
  const auto files = read_archive(path);
  ASSERT_FALSE(files.empty()) << "cannot read " << path << "; is xz installed?";

  Server server;
  std::vector<Case> cases;
  for (const auto& [file, text] : files) {
    if (!file.ends_with(".zone")) continue;
    const auto number = std::stoi(file.substr(file.rfind('/') + 1));
    auto test = read_case(number, files.at("ferret-even/expected/" + std::to_string(number) + ".json"));
    std::string text_of_zone, apex;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (const auto parts = words(line); parts.size() > 4 && parts[3] == "SOA")
        apex = words(moved(line, test.suffix))[0];
      text_of_zone += moved(line, test.suffix) + "\n";
    }
    const auto snapshot = load(apex, text_of_zone);
    ASSERT_TRUE(snapshot) << number;
    server.table.set(packed ? zone::packed(snapshot) : snapshot);
    cases.push_back(std::move(test));
  }
  ASSERT_EQ(server.table.size(), cases.size());

  std::size_t failed = 0, loops = 0, agreed = 0, split = 0;
  for (const auto& test : cases) {
    Ask ask;
    ask.qname = test.qname;
    ask.qtype = test.qtype;
    ask.edns_size.reset();
    const auto reading = server.ask(ask);
    Answer got;
    got.rcode = lower(wire::rcode_text(Rcode{reading.header.rcode()}));
    got.flags = "QR";
    if (reading.header.aa()) got.flags += " AA";
    if (reading.header.tc()) got.flags += " TC";
    got.answer = lines(reading.answer);
    got.authority = lines(reading.authority);
    got.additional = lines(reading.additional);
    // DNAMEs that lead back into themselves: each server stops elsewhere; any bounded answer will do.
    if (test.groups.size() >= 4) {
      ++loops;
      continue;
    }
    ++(test.groups.size() == 1 ? agreed : split);
    bool passed = false;
    for (auto group : test.groups) {
      group.rcode = lower(group.rcode);
      passed |= equals(got, group);
    }
    if (passed || ++failed > 20) continue;
    std::string wanted;
    for (const auto& group : test.groups) wanted += show(group);
    ADD_FAILURE() << "test " << test.number << ": " << test.qname << " " << wire::type_text(test.qtype)
                  << "\n"
                  << files.at("ferret-even/zones/" + std::to_string(test.number) + ".zone") << "got\n"
                  << show(got) << "wanted\n"
                  << wanted;
  }
  EXPECT_EQ(failed, 0U) << "of " << agreed << " agreed and " << split << " split answers";
  EXPECT_GT(agreed, 5000U);
  EXPECT_GT(loops, 0U);
}

TEST(Ferret, AnswersAsTheAuthoritativeServersDo) {
  ask_all(false);
}

// The same from zones as `onoma authority` holds small ones.
TEST(Ferret, AnswersThemFromPackedZones) {
  ask_all(true);
}

}  // namespace
}  // namespace onoma::serve::test
