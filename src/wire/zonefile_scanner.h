// Cuts zone-file text into entries and entries into words (RFC 1035 §5.1): comments, parentheses, quotes,
// line ends. Words are views into the text, escapes still in place. Internal to wire; a scanner belongs to
// one thread.
#pragma once

#include <string_view>
#include <vector>

#include "wire/rdata_fields.h"
#include "wire/zone_scan.h"

namespace onoma::wire::detail {

// The words of an entry: a vector that keeps its room and adds without a call.
class TokenList {
 public:
  void clear() { count_ = 0; }
  void add(const char* start, std::size_t size, bool quoted) {
    if (count_ == room_.size()) room_.resize(2 * count_ + 16);
    room_[count_++] = {{start, size}, quoted};
  }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  const Token& operator[](std::size_t i) const { return room_[i]; }
  std::span<const Token> from(std::size_t i) const { return {room_.data() + i, count_ - i}; }

 private:
  std::vector<Token> room_;
  std::size_t count_ = 0;
};

// One logical line. Reused from entry to entry, so that scanning does not allocate.
struct Entry {
  TokenList tokens;
  bool blank_owner = false;  // the line started with a blank
  const char* start = nullptr;
  const char* end = nullptr;  // where the entry's last line ends, for messages
};

class Scanner {
 public:
  enum class Status : std::uint8_t { entry, end, error };
  // Text of one entry, comments included; more than any record of 64 KiB needs.
  static constexpr std::size_t kMaxEntryOctets = std::size_t{1} << 20;

  // With `classify`, lines of plain words are cut by whole blocks; the rest goes octet by octet.
  explicit Scanner(std::string_view text, ClassifyBlock classify = nullptr)
      : at_(text.data()), end_(text.data() + text.size()), limit_(end_), classify_(classify) {}

  // Goes on at `from`, a line start. Entries that start at or behind `limit` are not read; the last one
  // before it is read to its end, wherever that lies.
  void set_range(const char* from, const char* limit) {
    at_ = from;
    limit_ = limit;
  }
  const char* at() const { return at_; }

  // The next entry that is not empty. After `error` see expected() and error_at(); the scanner is then used
  // up.
  Status next(Entry& entry);
  std::string_view expected() const { return expected_; }
  const char* error_at() const { return error_at_; }

 private:
  enum class Plain : std::uint8_t { entry, end, no };

  Plain next_plain(Entry& entry);
  Status next_careful(Entry& entry);
  Status fail(const char* where, std::string_view expected);
  Status read_quoted(Entry& entry);
  bool skip_quoted_part(const char*& at) const;

  const char* at_;
  const char* end_;
  const char* limit_;
  ClassifyBlock classify_;
  const char* error_at_ = nullptr;
  std::string_view expected_;
};

}  // namespace onoma::wire::detail
