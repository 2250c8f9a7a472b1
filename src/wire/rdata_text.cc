// Printing record data: the text half of the record-data engine.
#include <array>
#include <utility>

#include "base/encoding.h"
#include "base/time.h"
#include "wire/rdata.h"
#include "wire/rdata_fields.h"
#include "wire/rdata_words.h"
#include "wire/rrtype.h"
#include "wire/text.h"
#include "wire/type_bitmap.h"

namespace onoma::wire {
namespace detail {
namespace {

void append_two_digits(std::string& out, unsigned value) {
  out.push_back(static_cast<char>('0' + value / 10));
  out.push_back(static_cast<char>('0' + value % 10));
}

// YYYYMMDDHHmmSS of the 32-bit time, counted from 1970 (RFC 4034 §3.2).
void append_time(std::string& out, std::uint32_t seconds) {
  using namespace std::chrono;
  const sys_seconds time{std::chrono::seconds{seconds}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  append_number(out, static_cast<std::uint64_t>(static_cast<int>(date.year())));
  append_two_digits(out, static_cast<unsigned>(date.month()));
  append_two_digits(out, static_cast<unsigned>(date.day()));
  append_two_digits(out, static_cast<unsigned>(clock.hours().count()));
  append_two_digits(out, static_cast<unsigned>(clock.minutes().count()));
  append_two_digits(out, static_cast<unsigned>(clock.seconds().count()));
}

void append_types(std::string& out, ByteView map) {
  bool first = true;
  for_each_type(map, [&](RRType type) {
    if (!first) out.push_back(' ');
    first = false;
    out += type_text(type);
  });
}

void append_old_types(std::string& out, ByteView map) {
  bool first = true;
  for (std::size_t i = 0; i < map.size() * 8; ++i) {
    if ((map[i / 8] & (0x80U >> i % 8)) == 0) continue;
    if (!first) out.push_back(' ');
    first = false;
    out += type_text(RRType{static_cast<std::uint16_t>(i)});
  }
}

void append_strings(std::string& out, ByteView strings) {
  for (std::size_t at = 0; at < strings.size(); at += 1U + strings[at]) {
    if (at > 0) out.push_back(' ');
    append_quoted(out, strings.subspan(at + 1, strings[at]));
  }
}

void append_groups(std::string& out, ByteView octets, std::size_t group, char separator) {
  for (std::size_t at = 0; at < octets.size(); at += group) {
    if (at > 0) out.push_back(separator);
    out += hex(octets.subspan(at, group));
  }
}

}  // namespace

void append_field(std::string& out, char code, ByteView field) {
  switch (code) {
    case '1':
    case 'c':
      append_number(out, field[0]);
      break;
    case '2':
      append_number(out, load_u16(field.data()));
      break;
    case '4':
    case 'T':
      append_number(out, load_u32(field.data()));
      break;
    case '8':
      append_number(out, load_u64(field.data()));
      break;
    case 't':
      append_time(out, load_u32(field.data()));
      break;
    case 'a':
      append_ipv4(out, field.data());
      break;
    case 'A':
      append_ipv6(out, field.data());
      break;
    case 'Y':
      out += type_text(RRType{load_u16(field.data())});
      break;
    case 'y':
      append_word(out, kDsyncSchemes, field[0]);
      break;
    case 'z':
      append_word(out, kCertTypes, load_u16(field.data()));
      break;
    case 'N':
    case 'l':
    case 'L':
    case 'n':
      append_name(out, NameView::trusted(field));
      break;
    case 's':
      append_quoted(out, field.subspan(1));
      break;
    case 'u':
      if (!field.empty()) append_quoted(out, field.subspan(1));
      break;
    case 'S':
      append_strings(out, field);
      break;
    case 'q':
      append_quoted(out, field);
      break;
    case 'g':
      out += as_text(field.subspan(1));
      break;
    case 'h':
    case 'Z':
      append_hex(out, field);
      break;
    case 'D':
      out += "0x";
      append_hex(out, field);
      break;
    case 'H':
      if (field.size() == 1) out.push_back('-');
      append_hex(out, field.subspan(1));
      break;
    case 'b':
      out += base32hex(field.subspan(1));
      break;
    case 'B':
    case 'o':
      out += base64(field);
      break;
    case 'd':
      if (field.empty()) out.push_back('-');
      out += base64(field);
      break;
    case 'm':
      append_types(out, field);
      break;
    case 'w':
      append_old_types(out, field);
      break;
    case '6':
      append_groups(out, field, 2, ':');
      break;
    case 'e':
    case 'E':
      append_groups(out, field, 1, '-');
      break;
    default:
      append_special(out, code, field);
  }
}

}  // namespace detail

namespace {

std::string generic_text(ByteView rdata) {
  std::string out = "\\# ";
  detail::append_number(out, rdata.size());
  if (!rdata.empty()) {
    out.push_back(' ');
    detail::append_hex(out, rdata);
  }
  return out;
}

}  // namespace

std::string rdata_text(RRType type, ByteView rdata) {
  const std::string_view form = detail::type_info(type).form;
  if (form == "?" || form == "!") return generic_text(rdata);
  std::string out;
  std::size_t at = 0;
  for (const char code : form) {
    const auto rest = rdata.subspan(at);
    const std::size_t size = detail::field_size(code, rest);
    if (size == detail::kBad) return generic_text(rdata);
    const bool spaced = !out.empty();
    if (spaced) out.push_back(' ');
    const std::size_t before = out.size();
    detail::append_field(out, code, rest.first(size));
    if (spaced && out.size() == before) out.pop_back();
    at += size;
  }
  return at == rdata.size() ? out : generic_text(rdata);
}

}  // namespace onoma::wire
