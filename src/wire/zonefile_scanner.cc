#include "wire/zonefile_scanner.h"

#include <array>
#include <bit>
#include <cstring>

namespace onoma::wire::detail {
namespace {

// Characters that end a run of plain ones inside a word.
constexpr std::array<bool, 256> stops() {
  std::array<bool, 256> table{};
  for (char c : std::string_view(" \t\r\n;()\"\\")) table[static_cast<std::uint8_t>(c)] = true;
  return table;
}
constexpr auto kStops = stops();
bool is_stop(char c) {
  return kStops[static_cast<std::uint8_t>(c)];
}

}  // namespace

Scanner::Status Scanner::fail(const char* where, std::string_view expected) {
  error_at_ = where;
  expected_ = expected;
  at_ = end_;
  return Status::error;
}

// at_ stands on the opening quote.
Scanner::Status Scanner::read_quoted(Entry& entry) {
  const char* const open = at_;
  const char* close = at_;
  if (!skip_quoted_part(close)) return fail(open, "a closing quote before the end of the text");
  entry.tokens.add(open + 1, static_cast<std::size_t>(close - open - 2), true);
  at_ = close;
  return Status::entry;
}

// Moves `at` from an opening quote to behind the closing one. A line end inside a string is part of it.
bool Scanner::skip_quoted_part(const char*& at) const {
  const char* p = at + 1;
  const char* const limit = static_cast<std::size_t>(end_ - p) > kMaxEntryOctets ? p + kMaxEntryOctets : end_;
  while (p < limit) {
    if (*p == '"') {
      at = p + 1;
      return true;
    }
    p += *p == '\\' && p + 1 < limit ? 2 : 1;
  }
  return false;
}

Scanner::Status Scanner::next(Entry& entry) {
  if (classify_ != nullptr) {
    switch (next_plain(entry)) {
      case Plain::entry:
        return Status::entry;
      case Plain::end:
        return Status::end;
      case Plain::no:
        break;
    }
  }
  return next_careful(entry);
}

// An entry of one line without quotes, parentheses and escapes. `no`: at_ stands at the start of a line that
// is not so plain, or is long.
Scanner::Plain Scanner::next_plain(Entry& entry) {
  constexpr std::size_t kMaxBlocks = 64;
  for (;;) {
    entry.tokens.clear();
    entry.start = entry.end = at_;
    entry.blank_owner = false;
    if (at_ >= limit_) return Plain::end;
    const char* block = at_;
    const char* word = nullptr;      // the start of a word that is not at its end
    std::uint64_t blank_before = 1;  // was the octet before this block one between words?
    const char* line_end = nullptr;
    for (std::size_t blocks = 0; line_end == nullptr; ++blocks, block += kBlockOctets) {
      if (blocks == kMaxBlocks) return Plain::no;
      BlockMasks masks;
      const auto left = static_cast<std::size_t>(end_ - block);
      if (left >= kBlockOctets) {
        masks = classify_(block);
      } else {  // the end of the text ends the line
        char padded[kBlockOctets];
        std::memset(padded, '\n', sizeof padded);
        std::memcpy(padded, block, left);
        masks = classify_(padded);
      }
      const std::uint64_t before_stop = masks.stop == 0 ? ~std::uint64_t{0} : (masks.stop & -masks.stop) - 1;
      const std::uint64_t gaps = masks.blank | ~before_stop;
      for (std::uint64_t edges = gaps ^ (gaps << 1 | blank_before); edges != 0; edges &= edges - 1) {
        const char* const edge = block + std::countr_zero(edges);
        if (word == nullptr) {
          word = edge;
        } else {
          entry.tokens.add(word, static_cast<std::size_t>(edge - word), false);
          word = nullptr;
        }
      }
      blank_before = gaps >> 63;
      if (masks.stop == 0) continue;
      const std::size_t stop = static_cast<std::size_t>(std::countr_zero(masks.stop));
      if ((masks.newline >> stop & 1) != 0) {
        line_end = block + stop;
        entry.end = line_end;
      } else if (block[stop] == ';') {
        const std::uint64_t newlines = masks.newline & ~before_stop;
        if (newlines == 0) {
          const void* found = std::memchr(block + stop, '\n', static_cast<std::size_t>(end_ - block) - stop);
          line_end = found != nullptr ? static_cast<const char*>(found) : end_;
        } else {
          line_end = block + std::countr_zero(newlines);
        }
        entry.end = line_end;
      } else {
        return Plain::no;
      }
    }
    if (static_cast<std::size_t>(line_end - at_) > kMaxBlocks * kBlockOctets) return Plain::no;
    if (!entry.tokens.empty()) entry.blank_owner = *at_ == ' ' || *at_ == '\t';
    at_ = line_end == end_ ? end_ : line_end + 1;
    if (!entry.tokens.empty()) return Plain::entry;
  }
}

Scanner::Status Scanner::next_careful(Entry& entry) {
  entry.tokens.clear();
  entry.blank_owner = false;
  entry.start = entry.end = at_;
  if (at_ >= limit_) return Status::end;
  const char* open = nullptr;  // the opening parenthesis
  for (;;) {
    if (static_cast<std::size_t>(at_ - entry.start) > kMaxEntryOctets)
      return fail(open != nullptr ? open : entry.start, "a record of at most 1 MiB of text");
    if (at_ == end_) {
      if (open != nullptr) return fail(open, "a closing parenthesis before the end of the text");
      entry.end = at_;
      return entry.tokens.empty() ? Status::end : Status::entry;
    }
    const char c = *at_;
    switch (c) {
      case '\n':
        if (open == nullptr && !entry.tokens.empty()) {
          entry.end = at_++;
          return Status::entry;
        }
        ++at_;
        if (open == nullptr) {
          entry.start = entry.end = at_;
          entry.blank_owner = false;
          if (at_ >= limit_) return Status::end;
        }
        break;
      case ' ':
      case '\t':
        if (at_ == entry.start) entry.blank_owner = true;
        ++at_;
        break;
      case '\r':
        if (at_ + 1 != end_ && at_[1] != '\n') return fail(at_, "a line feed behind a carriage return");
        ++at_;
        break;
      case ';': {
        const void* line_end = std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
        at_ = line_end != nullptr ? static_cast<const char*>(line_end) : end_;
        break;
      }
      case '(':
        if (open != nullptr) return fail(at_, "no parenthesis inside parentheses");
        open = at_++;
        break;
      case ')':
        if (open == nullptr) return fail(at_, "no closing parenthesis without an opening one");
        open = nullptr;
        ++at_;
        break;
      case '"':
        if (read_quoted(entry) == Status::error) return Status::error;
        break;
      default: {
        const char* const start = at_;
        for (;;) {
          while (at_ < end_ && !is_stop(*at_)) ++at_;
          if (at_ == end_) break;
          if (*at_ == '\\') {
            if (at_ + 1 == end_ || at_[1] == '\n' || at_[1] == '\r')
              return fail(at_, "a character behind the backslash");
            at_ += 2;
          } else if (*at_ == '"' && at_ > start && at_[-1] == '=') {
            // key="value" is one word (RFC 9460 §2.1).
            const char* const quote = at_;
            if (!skip_quoted_part(at_)) return fail(quote, "a closing quote before the end of the text");
          } else {
            break;
          }
        }
        entry.tokens.add(start, static_cast<std::size_t>(at_ - start), false);
      }
    }
  }
}

}  // namespace onoma::wire::detail
