// Zone-file text, also called master files (RFC 1035 §5, RFC 2308 §4 $TTL, BIND's $GENERATE, RFC 3597).
// Errors name file, line, column and what was expected. Limits: 64 KiB a record, 64 levels of $INCLUDE, and
// ZoneFileOptions. A parser belongs to one thread. wire/zonefile_pieces.h reads one text with several.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/rrset.h"

namespace onoma::wire {

// How words are found. `careful` goes octet by octet and parses every field with the record-data engine; the
// others take whole blocks and short cuts where the text is plain, and must give the same records and errors.
enum class ZoneScan : std::uint8_t { fastest, avx2, sse2, scalar, careful };

struct ZoneFileOptions {
  Name origin;                           // the first $ORIGIN
  std::string file_name = "<input>";     // for messages
  bool allow_include = false;            // $INCLUDE reads other files, relative to the including one
  std::uint32_t default_ttl_s = 3600;    // when neither record nor $TTL nor a record before says
  std::size_t max_generate = 1'000'000;  // records from one file's $GENERATE lines in all
  ZoneScan scan = ZoneScan::fastest;
};

// A record that lasts as long as the call it is handed to. The data are valid for the type, the type is none
// of those that exist in messages only, the class is IN.
struct RecordView {
  NameView owner;
  RRType type{};
  std::uint32_t ttl = 0;
  ByteView rdata;
};

// Called for each record in file order; returning an error stops the parse and becomes its result.
using RecordSink = std::function<Result<void>(Record&&)>;
using RecordViewSink = std::function<Result<void>(const RecordView&)>;

// Error messages look like "gov.zone:17:23: expected an IPv4 address such as 192.0.2.1, found '192.0.2'".
Result<void> parse_zone_text(std::string_view text, const ZoneFileOptions& options, const RecordSink& sink);
// The same without a copy of each record.
Result<void> parse_zone_views(std::string_view text, const ZoneFileOptions& options,
                              const RecordViewSink& sink);

// One record as a line "owner TTL IN TYPE data\n", absolute.
std::string record_line(NameView owner, std::uint32_t ttl, RRType type, ByteView rdata);
// All records of a set and then its signatures.
std::string rrset_lines(const RRset& set);

}  // namespace onoma::wire
