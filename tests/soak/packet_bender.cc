#include "soak/packet_bender.h"

#include <algorithm>
#include <cstdlib>

namespace onoma::soak {

namespace {

constexpr std::size_t kHeader = 12;
constexpr std::array<std::uint16_t, 28> kTypes = {0,  1,   2,   5,   6,   12,  15,  16, 28, 33,
                                                  39, 41,  43,  46,  47,  48,  50,  51, 63, 64,
                                                  65, 128, 249, 250, 251, 252, 253, 255};
constexpr std::array<std::uint16_t, 7> kClasses = {0, 1, 1, 3, 4, 254, 255};
constexpr std::array<std::uint8_t, 12> kOdd = {0, 1, 2, 0x0c, 0x3f, 0x40, 0x41, 0x7f, 0x80, 0xc0, 0xfe, 0xff};

void put16(Octets& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}
void set16(Octets& out, std::size_t at, std::size_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

}  // namespace

Question parse_question(const std::string& line) {
  Question question;
  const auto blank = line.find(' ');
  if (blank == std::string::npos) return question;
  question.type = static_cast<std::uint16_t>(std::strtoul(line.c_str() + blank + 1, nullptr, 10));
  Octets label;
  for (std::size_t i = 0; i <= blank; ++i) {
    const char c = i == blank ? '.' : line[i];
    if (c == '.') {
      if (label.empty()) continue;
      if (label.size() > 63) return {};
      question.name.push_back(static_cast<std::uint8_t>(label.size()));
      question.name.insert(question.name.end(), label.begin(), label.end());
      label.clear();
    } else if (c == '\\' && i + 3 < blank && line[i + 1] >= '0' && line[i + 1] <= '9') {
      label.push_back(static_cast<std::uint8_t>(std::strtoul(line.substr(i + 1, 3).c_str(), nullptr, 10)));
      i += 3;
    } else {
      label.push_back(static_cast<std::uint8_t>(c == '\\' ? line[++i] : c));
    }
  }
  question.name.push_back(0);
  return question;
}

Dice::Dice(std::uint64_t seed) {
  for (auto& word : state_) {  // splitmix64
    seed += 0x9e3779b97f4a7c15U;
    auto z = seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    word = z ^ z >> 31;
  }
}

std::uint64_t Dice::next() {
  const auto turn = [](std::uint64_t x, unsigned k) { return x << k | x >> (64 - k); };
  const auto result = turn(state_[1] * 5, 7) * 9;
  const auto t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = turn(state_[3], 45);
  return result;
}

std::uint16_t Bender::odd_number() {
  switch (dice_.below(6)) {
    case 0:
      return 0;
    case 1:
      return static_cast<std::uint16_t>(dice_.below(64));
    case 2:
      return static_cast<std::uint16_t>(0xffff - dice_.below(32));
    case 3:
      return static_cast<std::uint16_t>(0x8000U >> dice_.below(16));
    default:
      return static_cast<std::uint16_t>(dice_.next());
  }
}

void Bender::header(Octets& out, std::uint16_t flags, std::array<std::uint16_t, 4> counts) {
  put16(out, dice_.below(65536));
  put16(out, flags);
  for (auto count : counts) put16(out, count);
}

// Options that real clients send, in real combinations and sizes.
void Bender::add_opt(Octets& out) {
  static constexpr std::array<std::uint16_t, 6> kSizes = {512, 1220, 1232, 1400, 4096, 65535};
  out.push_back(0);
  put16(out, 41);
  put16(out, kSizes[dice_.below(kSizes.size())]);
  out.push_back(0);
  out.push_back(dice_.one_in(20) ? 1 : 0);
  put16(out, dice_.one_in(2) ? 0x8000 : 0);
  const auto length_at = out.size();
  put16(out, 0);
  const auto option = [&](std::size_t code, std::size_t size) {
    put16(out, code);
    put16(out, size);
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(dice_.next()));
  };
  if (dice_.one_in(3)) option(10, std::array<std::size_t, 5>{8, 8, 24, 16, 40}[dice_.below(5)]);
  if (dice_.one_in(6)) option(3, 0);
  if (dice_.one_in(6)) {
    static constexpr std::array<std::uint8_t, 11> kSubnet = {0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2};
    out.insert(out.end(), kSubnet.begin(), kSubnet.end());
  }
  if (dice_.one_in(6)) option(9, 0);
  if (dice_.one_in(6)) option(11, 0);
  if (dice_.one_in(6)) option(19, 0);
  if (dice_.one_in(8)) option(12, dice_.below(400));
  if (dice_.one_in(8)) option(65001 + dice_.below(500), dice_.below(12));
  set16(out, length_at, out.size() - length_at - 2);
}

void Bender::add_name(Octets& out, std::size_t octets) {
  while (octets > 1) {
    const auto most = std::min<std::size_t>(63, octets - 2);
    const auto size = most < 1 ? 0 : dice_.one_in(3) ? most : 1 + dice_.below(most);
    if (size == 0) break;
    out.push_back(static_cast<std::uint8_t>(size));
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(dice_.next()));
    octets -= 1 + size;
  }
  out.push_back(0);
}

// Any record; its owner points somewhere, mostly at the question.
void Bender::add_record(Octets& out) {
  if (dice_.one_in(4)) {
    add_name(out, 1 + dice_.below(40));
  } else {
    out.push_back(static_cast<std::uint8_t>(0xc0 | (dice_.one_in(8) ? dice_.below(64) : 0)));
    out.push_back(static_cast<std::uint8_t>(dice_.one_in(3) ? dice_.next() : kHeader));
  }
  put16(out, kTypes[dice_.below(kTypes.size())]);
  put16(out, kClasses[dice_.below(kClasses.size())]);
  put16(out, 0);
  put16(out, dice_.below(65536));
  const auto size = dice_.below(80);
  put16(out, dice_.one_in(8) ? odd_number() : size);
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(dice_.next()));
}

void Bender::proper(Octets& out) {
  out.clear();
  const auto& question = questions_[dice_.below(questions_.size())];
  const bool opt = !dice_.one_in(5);
  std::uint16_t flags = 0;
  if (dice_.one_in(3)) flags |= 0x0100;
  if (dice_.one_in(4)) flags |= 0x0020;
  if (dice_.one_in(4)) flags |= 0x0010;
  header(out, flags, {1, 0, 0, static_cast<std::uint16_t>(opt)});
  const auto start = out.size();
  if (dice_.one_in(3)) {  // a name below the one that exists, near it, or as long as names get
    const auto room = 255 - std::min<std::size_t>(255, question.name.size());
    if (room > 2) {
      add_name(out, dice_.one_in(4) ? room + 1 : 2 + dice_.below(std::min<std::size_t>(room, 30)));
      out.pop_back();
    }
  }
  out.insert(out.end(), question.name.begin(), question.name.end());
  if (dice_.one_in(4))
    for (auto at = start; at < out.size(); ++at)
      if ((out[at] | 0x20) >= 'a' && (out[at] | 0x20) <= 'z' && dice_.one_in(2)) out[at] ^= 0x20;
  put16(out, dice_.one_in(4) ? kTypes[dice_.below(kTypes.size())] : question.type);
  put16(out, dice_.one_in(30) ? kClasses[dice_.below(kClasses.size())] : 1);
  if (opt) add_opt(out);
}

Bender::Places Bender::look(std::span<const std::uint8_t> packet) const {
  Places places;
  std::size_t at = kHeader;
  while (at < packet.size()) {
    places.labels.push_back(at);
    if (packet[at] == 0 || packet[at] >= 0xc0) {
      at += packet[at] == 0 ? 1 : 2;
      break;
    }
    at += 1U + packet[at];
  }
  places.question_end = std::min(at + 4, packet.size());
  at = places.question_end;
  // What follows is taken for an OPT record of the usual place; where it is none, its octets get bent all the
  // same.
  if (at + 11 > packet.size()) return places;
  places.lengths.push_back(at + 9);
  at += 11;
  while (at + 4 <= packet.size()) {
    places.lengths.push_back(at);
    places.lengths.push_back(at + 2);
    at += 4U + (std::size_t{packet[at + 2]} << 8 | packet[at + 3]);
  }
  return places;
}

void Bender::bend_places(Octets& packet) {
  const auto places = look(packet);
  switch (dice_.below(4)) {
    case 0:  // a label's length
      if (!places.labels.empty()) {
        auto& length = packet[places.labels[dice_.below(places.labels.size())]];
        length = dice_.one_in(2) ? kOdd[dice_.below(kOdd.size())]
                                 : static_cast<std::uint8_t>(length + (dice_.one_in(2) ? 1 : 255));
      }
      break;
    case 1:  // a compression pointer in place of a label
      if (!places.labels.empty()) {
        const auto at = places.labels[dice_.below(places.labels.size())];
        if (at + 1 >= packet.size()) break;
        const std::array<std::size_t, 6> targets = {kHeader,           at, at + 2, 0, packet.size(),
                                                    dice_.below(16384)};
        set16(packet, at, 0xc000 | (targets[dice_.below(targets.size())] & 0x3fff));
      }
      break;
    case 2:  // a length or an option's code
      if (!places.lengths.empty()) {
        const auto at = places.lengths[dice_.below(places.lengths.size())];
        if (at + 1 >= packet.size()) break;
        const auto old = std::size_t{packet[at]} << 8 | packet[at + 1];
        set16(packet, at, dice_.one_in(2) ? odd_number() : old + dice_.below(5) - 2);
      }
      break;
    default:  // type and class of the question
      if (places.question_end >= 4 + kHeader && places.question_end <= packet.size()) {
        set16(packet, places.question_end - 4,
              dice_.one_in(2) ? kTypes[dice_.below(kTypes.size())] : odd_number());
        if (dice_.one_in(4)) set16(packet, places.question_end - 2, kClasses[dice_.below(kClasses.size())]);
      }
  }
}

void Bender::bend(Octets& packet) {
  if (packet.empty()) return;
  switch (dice_.below(12)) {
    case 0:
      packet[dice_.below(packet.size())] ^= static_cast<std::uint8_t>(1U << dice_.below(8));
      return;
    case 1:
      packet[dice_.below(packet.size())] = kOdd[dice_.below(kOdd.size())];
      return;
    case 2:
    case 3:
    case 4:
      return bend_places(packet);
    case 5:  // flags and opcode
      if (packet.size() >= 4) set16(packet, 2, dice_.one_in(4) ? odd_number() : dice_.next() & 0x7fff);
      return;
    case 6:  // counts
      if (packet.size() >= kHeader)
        set16(packet, 4 + 2 * dice_.below(4), dice_.one_in(2) ? dice_.below(4) : odd_number());
      return;
    case 7:
      packet.resize(dice_.below(packet.size() + 1));
      return;
    case 8: {  // more records, counted or not
      const auto many = 1 + dice_.below(dice_.one_in(10) ? 60 : 3);
      for (std::size_t i = 0; i < many; ++i) add_record(packet);
      const auto at = 6 + 2 * dice_.below(3);
      if (packet.size() >= kHeader && !dice_.one_in(4))
        set16(packet, at, (std::size_t{packet[at]} << 8 | packet[at + 1]) + many);
      return;
    }
    case 9: {  // the beginning of this one, the end of another
      proper(other_);
      packet.resize(dice_.below(packet.size() + 1));
      const auto from = static_cast<std::ptrdiff_t>(dice_.below(other_.size()));
      packet.insert(packet.end(), other_.begin() + from, other_.end());
      return;
    }
    case 10: {  // a part once more
      const auto from = dice_.below(packet.size());
      const auto size = std::min(packet.size() - from, 1 + dice_.below(64));
      const Octets part(packet.begin() + static_cast<std::ptrdiff_t>(from),
                        packet.begin() + static_cast<std::ptrdiff_t>(from + size));
      const auto times = 1 + dice_.below(dice_.one_in(10) ? 100 : 2);
      const auto into = dice_.below(packet.size());
      for (std::size_t i = 0; i < times; ++i)
        packet.insert(packet.begin() + static_cast<std::ptrdiff_t>(into), part.begin(), part.end());
      return;
    }
    default: {  // octets of no meaning in the middle or at the end
      const auto size = 1 + dice_.below(dice_.one_in(10) ? 2000 : 20);
      const auto into = dice_.one_in(2) ? packet.size() : dice_.below(packet.size());
      Octets part(size);
      for (auto& octet : part) octet = static_cast<std::uint8_t>(dice_.next());
      packet.insert(packet.begin() + static_cast<std::ptrdiff_t>(into), part.begin(), part.end());
    }
  }
}

void Bender::make(Octets& out, std::size_t most) {
  const auto kind = dice_.below(100);
  if (kind < 3) {
    out.resize(dice_.below(200));
    for (auto& octet : out) octet = static_cast<std::uint8_t>(dice_.next());
  } else if (kind < 20 && !raw_.empty()) {
    out = raw_[dice_.below(raw_.size())];
  } else {
    proper(out);
  }
  // One in ten stays proper; most others are bent once or twice, so that they get far.
  if (!dice_.one_in(10)) {
    const auto times = dice_.one_in(8) ? 1 + dice_.below(8) : 1 + dice_.below(2);
    for (std::size_t i = 0; i < times; ++i) bend(out);
  }
  if (out.size() > most) out.resize(most);
}

}  // namespace onoma::soak
