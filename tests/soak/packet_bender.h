// Queries as a hostile client would write them: well-formed ones made of names and types, then bent with
// knowledge of where lengths, counts, options and compression pointers stand. Belongs to one thread; the same
// seed gives the same packets. Needs nothing of the rooms, so that what it tests cannot hide a fault that it
// shares.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace onoma::soak {

using Octets = std::vector<std::uint8_t>;

// A question as octets: an uncompressed absolute name, and a type.
struct Question {
  Octets name;
  std::uint16_t type = 1;
};

// "NAME TYPE" with the type as a number and \DDD or \C escapes in the name. Empty when it is not that.
Question parse_question(const std::string& line);

// xoshiro256**: fast and the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed);
  std::uint64_t next();
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : next() % bound; }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::array<std::uint64_t, 4> state_;
};

class Bender {
 public:
  // `raw`: whole packets taken as they are before bending. REQUIRES: questions is not empty; both outlive it.
  Bender(const std::vector<Question>& questions, const std::vector<Octets>& raw, std::uint64_t seed)
      : questions_(questions), raw_(raw), dice_(seed) {}

  // A packet of at most `most` octets, in place.
  void make(Octets& out, std::size_t most);
  // A well-formed query of any kind that clients send.
  void proper(Octets& out);
  Dice& dice() { return dice_; }

 private:
  struct Places {  // of a packet that may be anything; offsets within it
    std::size_t question_end = 0;
    std::vector<std::size_t> labels;   // where a label's length stands
    std::vector<std::size_t> lengths;  // where a 16-bit length or code stands: RDLENGTH, options
  };

  void header(Octets& out, std::uint16_t flags, std::array<std::uint16_t, 4> counts);
  void add_opt(Octets& out);
  void add_record(Octets& out);
  void add_name(Octets& out, std::size_t octets);
  Places look(std::span<const std::uint8_t> packet) const;
  void bend(Octets& packet);
  void bend_places(Octets& packet);
  std::uint16_t odd_number();

  const std::vector<Question>& questions_;
  const std::vector<Octets>& raw_;
  Dice dice_;
  Octets other_;
};

}  // namespace onoma::soak
