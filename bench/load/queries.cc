#include "load/queries.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

namespace onoma::bench {

namespace {

struct Type {
  std::string_view name;
  std::uint16_t number;
};
constexpr std::array kTypes{Type{"A", 1},    Type{"NS", 2},    Type{"SOA", 6}, Type{"MX", 15},
                            Type{"TXT", 16}, Type{"AAAA", 28}, Type{"DS", 43}, Type{"DNSKEY", 48}};

void put_u16(std::vector<std::uint8_t>& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

}  // namespace

bool append_query(const char* name, const char* name_end, std::uint16_t type, bool dnssec, std::uint16_t size,
                  std::vector<std::uint8_t>& out) {
  constexpr std::array<std::uint8_t, 12> kHead{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
  const auto begin = out.size();
  out.insert(out.end(), kHead.begin(), kHead.end());
  while (name != name_end) {
    const auto* dot = std::find(name, name_end, '.');
    const auto length = dot - name;
    if (length == 0 || length > 63 || out.size() - begin + static_cast<std::size_t>(length) > 12 + 253) {
      out.resize(begin);
      return false;
    }
    out.push_back(static_cast<std::uint8_t>(length));
    for (; name != dot; ++name) out.push_back(static_cast<std::uint8_t>(*name));
    if (name != name_end) ++name;
  }
  out.push_back(0);
  put_u16(out, type);
  put_u16(out, 1);
  out.push_back(0);  // OPT
  put_u16(out, 41);
  put_u16(out, size);
  put_u16(out, 0);
  put_u16(out, dnssec ? 0x8000 : 0);
  put_u16(out, 0);
  return true;
}

bool Queries::add(const char* begin, const char* end, const Options& options) {
  while (end != begin && blank(end[-1])) --end;
  const auto* name_end = std::find_if(begin, end, blank);
  const auto* word = std::find_if_not(name_end, end, blank);
  const std::string_view wanted(word, static_cast<std::size_t>(end - word));
  const auto* const type = std::ranges::find(kTypes, wanted, &Type::name);
  if (type == kTypes.end() ||
      !append_query(begin, name_end, type->number, options.dnssec, options.size, octets_))
    return false;
  begins_.push_back(octets_.size());
  return true;
}

Queries Queries::load(const std::string& path, const Options& options, std::string& error) {
  Queries out;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    error = path + ": " + std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): one thread
    return out;
  }
  out.begins_.push_back(0);
  std::vector<char> buffer(std::size_t{1} << 20);
  std::size_t kept = 0;
  bool ended = false;
  while (!ended && out.size() < options.at_most) {
    file.read(buffer.data() + kept, static_cast<std::streamsize>(buffer.size() - kept));
    const auto got = static_cast<std::size_t>(file.gcount());
    ended = !file;
    const char* at = buffer.data();
    const char* const end = at + kept + got;
    while (at != end && out.size() < options.at_most) {
      const auto* line_end = std::find(at, end, '\n');
      if (line_end == end && !ended) break;
      if (line_end != at && !out.add(at, line_end, options)) {
        error = path + ": not a line \"NAME TYPE\": " + std::string(at, line_end);
        return {};
      }
      at = line_end == end ? end : line_end + 1;
    }
    kept = static_cast<std::size_t>(end - at);
    if (kept == buffer.size()) {
      error = path + ": a line is too long";
      return {};
    }
    std::memmove(buffer.data(), at, kept);
  }
  if (out.size() == 0) error = path + ": no questions";
  return out;
}

}  // namespace onoma::bench
