// Turns the scanner's entries into records and directives into changes of state. Internal to wire.
#pragma once

#include <array>
#include <expected>
#include <optional>
#include <string>

#include "base/error.h"
#include "wire/zonefile.h"
#include "wire/zonefile_common.h"
#include "wire/zonefile_scanner.h"

namespace onoma::wire::detail {

// What one line leaves to the next ones, and one file to the other (RFC 1035 §5.1).
struct ZoneFileState {
  Name origin;
  std::array<std::uint8_t, kPlainNameRoom> owner{};  // of the record before
  std::size_t owner_size = 0;                        // 0: none yet
  std::optional<std::uint32_t> ttl;                  // $TTL
  std::optional<std::uint32_t> last_ttl;             // of the record before
  std::size_t generated = 0;                         // records from $GENERATE so far
};

// What all files of one parse share.
struct ZoneFileShared {
  const ZoneFileOptions& options;
  const RecordViewSink& sink;
  ClassifyBlock classify;                 // null: no short cuts
  std::size_t generated = 0;              // records from $GENERATE so far
  std::optional<std::uint32_t> ttl;       // $TTL
  std::optional<std::uint32_t> last_ttl;  // of the record before
  // A record took its owner or TTL from before the text that is read: what came of it is a guess.
  bool inherited = false;
  Bytes rdata = {};                                           // scratch
  std::array<std::uint8_t, kCommonRdataRoom> common_rdata{};  // scratch
};

// One file, or one line that $GENERATE made. Belongs to one thread.
class ZoneFileParser {
 public:
  ZoneFileParser(std::string_view text, std::string file_name, Name origin, int depth,
                 ZoneFileShared& shared);

  Result<void> run();
  // Only the entries that start in [from, limit), after lines that left `state`, which is carried on. `from`
  // becomes the start of the first line not read.
  Result<void> run_piece(const char*& from, const char* limit, ZoneFileState& state);

 private:
  Result<void> run(Scanner& scanner);
  Result<void> directive(const Entry& entry);
  Result<void> include(const Entry& entry);
  Result<void> generate(const Entry& entry);
  Result<void> record(const Entry& entry);
  // What stands behind the owner: [TTL] [class] type data, from tokens[at] on. `context` is the generated
  // line, if any.
  Result<void> record_body(const Entry& entry, std::size_t at, std::string_view context);
  Result<void> generated_line(const Entry& entry, const std::string& line);

  std::unexpected<Error> fail_at(const Entry& entry, std::size_t token, std::string_view expected,
                                 std::string_view found = {}) const;
  std::unexpected<Error> fail_where(const char* where, std::string_view message) const;

  std::string_view text_;
  std::string file_name_;
  Name origin_;
  std::array<std::uint8_t, kPlainNameRoom> owner_{};  // of the record before
  std::size_t owner_size_ = 0;                        // 0: none yet
  std::string_view owner_text_;                       // that owner's word, while it still means the same
  int depth_;
  ZoneFileShared& shared_;
};

// One side of a $GENERATE line with its $ and ${offset,width,base} filled in (BIND's rules). The error is
// what was expected.
std::expected<void, std::string_view> expand_generate(std::string& out, std::string_view side,
                                                      std::uint64_t value);

struct GenerateRange {
  std::uint64_t start = 0, stop = 0, step = 1;
};
std::optional<GenerateRange> parse_generate_range(std::string_view text);

}  // namespace onoma::wire::detail
