#include "wire/zonefile_parser.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "wire/rdata.h"
#include "wire/rdata_fields.h"
#include "wire/rrtype.h"
#include "wire/text.h"

namespace onoma::wire {
namespace detail {
namespace {

constexpr int kMaxIncludeDepth = 64;
constexpr std::uint32_t kMaxTtl = 0x7FFFFFFF;  // RFC 2181 §8
constexpr std::size_t kMaxFoundOctets = 60;    // of a wrong word, shown in a message

std::string shown(std::string_view text) {
  std::string out = "'";
  append_escaped(out, as_bytes(text.substr(0, kMaxFoundOctets)));
  if (text.size() > kMaxFoundOctets) out += "...";
  return out + "'";
}

std::string_view name_problem(WireError error) {
  switch (error) {
    case WireError::label_too_long:
      return "labels of at most 63 octets";
    case WireError::name_too_long:
      return "a name of at most 255 octets";
    case WireError::empty_label:
      return "a name without empty labels";
    case WireError::bad_escape:
      return "escapes of the form \\X or \\DDD with DDD up to 255";
    default:
      return "a domain name";
  }
}

}  // namespace

ZoneFileParser::ZoneFileParser(std::string_view text, std::string file_name, Name origin, int depth,
                               ZoneFileShared& shared)
    : text_(text),
      file_name_(std::move(file_name)),
      origin_(std::move(origin)),
      depth_(depth),
      shared_(shared) {}

Result<void> ZoneFileParser::run() {
  Scanner scanner(text_, shared_.classify);
  return run(scanner);
}

Result<void> ZoneFileParser::run_piece(const char*& from, const char* limit, ZoneFileState& state) {
  origin_ = std::move(state.origin);
  owner_ = state.owner;
  owner_size_ = state.owner_size;
  shared_.ttl = state.ttl;
  shared_.last_ttl = state.last_ttl;
  shared_.generated = state.generated;
  Scanner scanner(text_, shared_.classify);
  scanner.set_range(from, limit);
  auto result = run(scanner);
  from = scanner.at();
  state = {.origin = std::move(origin_),
           .owner = owner_,
           .owner_size = owner_size_,
           .ttl = shared_.ttl,
           .last_ttl = shared_.last_ttl,
           .generated = shared_.generated};
  return result;
}

Result<void> ZoneFileParser::run(Scanner& scanner) {
  Entry entry;
  for (;;) {
    switch (scanner.next(entry)) {
      case Scanner::Status::end:
        return {};
      case Scanner::Status::error: {
        const char* at = scanner.error_at();
        const auto found =
            at < text_.data() + text_.size() ? shown({at, 1}) : std::string("the end of the file");
        return fail_where(at, fmt::format("expected {}, found {}", scanner.expected(), found));
      }
      case Scanner::Status::entry:
        break;
    }
    const Token& first = entry.tokens[0];
    const bool is_directive = !entry.blank_owner && !first.quoted && first.text.starts_with('$');
    ONOMA_TRY_VOID(is_directive ? directive(entry) : record(entry));
  }
}

Result<void> ZoneFileParser::directive(const Entry& entry) {
  const auto word = entry.tokens[0].text;
  const bool has_argument = entry.tokens.size() > 1;
  if (equal_ignoring_case(word, "$ORIGIN")) {
    if (!has_argument) return fail_at(entry, 1, "a domain name behind $ORIGIN");
    auto origin = Name::parse(entry.tokens[1].text, origin_);
    if (!origin) return fail_at(entry, 1, name_problem(origin.error()));
    if (entry.tokens.size() > 2) return fail_at(entry, 2, "the end of the line");
    origin_ = *std::move(origin);
    owner_text_ = {};
    return {};
  }
  if (equal_ignoring_case(word, "$TTL")) {
    if (!has_argument) return fail_at(entry, 1, "a TTL such as 3600 or 1h behind $TTL");
    auto ttl = parse_ttl(entry.tokens[1].text);
    if (!ttl || *ttl > kMaxTtl)
      return fail_at(entry, 1, "a TTL from 0 to 2147483647 seconds, such as 3600 or 1h");
    if (entry.tokens.size() > 2) return fail_at(entry, 2, "the end of the line");
    shared_.ttl = ttl;
    return {};
  }
  if (equal_ignoring_case(word, "$INCLUDE")) return include(entry);
  if (equal_ignoring_case(word, "$GENERATE")) return generate(entry);
  return fail_at(entry, 0, "$ORIGIN, $TTL, $INCLUDE or $GENERATE");
}

Result<void> ZoneFileParser::include(const Entry& entry) {
  if (!shared_.options.allow_include)
    return fail_at(entry, 0, "no $INCLUDE (reading other files is off; allow it with the include option)");
  if (entry.tokens.size() < 2) return fail_at(entry, 1, "a file name behind $INCLUDE");
  if (entry.tokens.size() > 3) return fail_at(entry, 3, "the end of the line");
  if (depth_ + 1 >= kMaxIncludeDepth) return fail_at(entry, 1, "at most 64 levels of $INCLUDE");
  Name origin = origin_;
  if (entry.tokens.size() == 3) {
    auto named = Name::parse(entry.tokens[2].text, origin_);
    if (!named) return fail_at(entry, 2, name_problem(named.error()));
    origin = *std::move(named);
  }
  Bytes file;
  if (!append_unescaped(file, entry.tokens[1].text)) return fail_at(entry, 1, "a file name");
  const auto path = std::filesystem::path(file_name_).parent_path() / std::string(as_text(file));
  std::error_code ignored;
  std::ifstream stream(path, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(path, ignored))
    return fail_at(entry, 1, "a file that can be read");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) return fail_at(entry, 1, "a file that can be read");
  // The including file goes on with its own origin and owner; a $TTL stays.
  return ZoneFileParser(text, path.string(), std::move(origin), depth_ + 1, shared_).run();
}

Result<void> ZoneFileParser::generate(const Entry& entry) {
  const auto& tokens = entry.tokens;
  auto range = tokens.size() > 1 ? parse_generate_range(tokens[1].text) : std::nullopt;
  if (!range) return fail_at(entry, 1, "a range start-stop or start-stop/step, start not above stop");
  if (tokens.size() < 5)
    return fail_at(entry, tokens.size(), "$GENERATE range owner [TTL] [class] type data");
  std::string line;
  for (std::uint64_t value = range->start; value <= range->stop; value += range->step) {
    if (++shared_.generated > shared_.options.max_generate)
      return fail_at(entry, 1,
                     fmt::format("at most {} records from $GENERATE", shared_.options.max_generate));
    line.clear();
    for (std::size_t i = 2; i < tokens.size(); ++i) {
      if (i > 2) line.push_back(' ');
      if (tokens[i].quoted) line.push_back('"');
      if (auto expanded = expand_generate(line, tokens[i].text, value); !expanded)
        return fail_at(entry, i, expanded.error());
      if (tokens[i].quoted) line.push_back('"');
    }
    ONOMA_TRY_VOID(generated_line(entry, line));
  }
  return {};
}

Result<void> ZoneFileParser::generated_line(const Entry& entry, const std::string& line) {
  Scanner scanner(line);
  Entry made;
  if (scanner.next(made) != Scanner::Status::entry)
    return fail_at(entry, 2, "a pattern that makes records", line);
  auto size = parse_name(made.tokens[0].text, origin_, owner_.data());
  if (!size) return fail_at(entry, 2, name_problem(size.error()), made.tokens[0].text);
  owner_size_ = *size;
  owner_text_ = {};
  // Places inside the made line mean nothing to a reader: the error stands at the directive and shows the
  // line.
  made.start = entry.tokens[0].text.data();
  return record_body(made, 1, line);
}

Result<void> ZoneFileParser::record(const Entry& entry) {
  if (entry.blank_owner) {
    if (owner_size_ == 0) {
      shared_.inherited = true;
      return fail_at(entry, 0, "an owner name at the start of the first record");
    }
    return record_body(entry, 0, {});
  }
  const auto word = entry.tokens[0].text;
  const bool quick = shared_.classify != nullptr;
  if (quick && word == owner_text_ && !word.empty()) return record_body(entry, 1, {});
  if (const auto plain = quick ? plain_name(word, origin_, owner_.data()) : 0; plain != 0) {
    owner_size_ = plain;
  } else {
    auto size = parse_name(word, origin_, owner_.data());
    if (!size) return fail_at(entry, 0, name_problem(size.error()));
    owner_size_ = *size;
  }
  owner_text_ = word;
  return record_body(entry, 1, {});
}

Result<void> ZoneFileParser::record_body(const Entry& entry, std::size_t at, std::string_view context) {
  const auto& tokens = entry.tokens;
  const auto complain = [&](std::size_t token, std::string_view expected) -> std::unexpected<Error> {
    if (context.empty()) return fail_at(entry, token, expected);
    const auto found =
        token < tokens.size() ? shown(tokens[token].text) : std::string("the end of the record");
    return fail_where(entry.start, fmt::format("expected {}, found {} in the generated line {}", expected,
                                               found, shown(context)));
  };
  std::optional<std::uint32_t> ttl;
  bool has_class = false;
  std::optional<RRType> type;
  for (; at < tokens.size() && !type; ++at) {
    const auto word = tokens[at].text;
    if (!word.empty() && is_digit(word[0])) {
      if (ttl) return complain(at, "one TTL a record");
      ttl = parse_ttl(word);
      if (!ttl || *ttl > kMaxTtl)
        return complain(at, "a TTL from 0 to 2147483647 seconds, such as 3600 or 1h");
      continue;
    }
    const bool is_in = word.size() == 2 && (word[0] | 0x20) == 'i' && (word[1] | 0x20) == 'n';
    if (!is_in && shared_.classify != nullptr) type = common_type(word);
    if (!is_in && !type) type = parse_type(word);
    if (type) continue;
    auto rr_class = is_in ? RRClass::IN : parse_class(word);
    if (!rr_class) return complain(at, "a record type such as A or TYPE65400");
    if (has_class) return complain(at, "one class a record");
    if (*rr_class != RRClass::IN) return complain(at, "class IN, the only class that is served");
    has_class = true;
  }
  if (!type) return complain(at, "a record type such as A or TYPE65400");
  if (is_meta_type(*type)) return complain(at - 1, "a record type that a zone can hold");

  if (ttl) shared_.last_ttl = ttl;
  if (!ttl && !shared_.ttl && !shared_.last_ttl) shared_.inherited = true;
  RecordView record{.owner = NameView::trusted(ByteView(owner_).first(owner_size_)), .type = *type};
  record.ttl = ttl           ? *ttl
               : shared_.ttl ? *shared_.ttl
                             : shared_.last_ttl.value_or(shared_.options.default_ttl_s);
  const auto data = tokens.from(at);
  if (shared_.classify != nullptr) {
    if (const auto size = common_rdata(*type, data, origin_, shared_.common_rdata.data()); size != 0) {
      record.rdata = ByteView(shared_.common_rdata).first(size);
      return shared_.sink(record);
    }
  }
  Bytes& scratch = shared_.rdata;
  scratch.clear();
  if (auto problem = parse_rdata_tokens(*type, data, origin_, scratch))
    return complain(at + problem->token, problem->expected);
  record.rdata = scratch;
  return shared_.sink(record);
}

std::unexpected<Error> ZoneFileParser::fail_at(const Entry& entry, std::size_t token,
                                               std::string_view expected, std::string_view found) const {
  const char* where = entry.end;
  std::string what = "the end of the line";
  if (token < entry.tokens.size()) {
    const Token& wrong = entry.tokens[token];
    where = wrong.text.data() - (wrong.quoted ? 1 : 0);
    what = shown(wrong.text);
  }
  if (!found.empty()) what = shown(found);
  return fail_where(where, fmt::format("expected {}, found {}", expected, what));
}

std::unexpected<Error> ZoneFileParser::fail_where(const char* where, std::string_view message) const {
  // Lines and columns are counted only now: a good file never pays for them.
  const std::string_view before = text_.substr(0, static_cast<std::size_t>(where - text_.data()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto line_start = before.rfind('\n');
  const std::size_t column =
      line_start == std::string_view::npos ? before.size() + 1 : before.size() - line_start;
  return fail(Code::bad_syntax, fmt::format("{}:{}:{}: {}", file_name_, line, column, message));
}

}  // namespace detail

Result<void> parse_zone_views(std::string_view text, const ZoneFileOptions& options,
                              const RecordViewSink& sink) {
  detail::ZoneFileShared shared{.options = options,
                                .sink = sink,
                                .classify = detail::classifier(options.scan),
                                .ttl = {},
                                .last_ttl = {}};
  return detail::ZoneFileParser(text, options.file_name, options.origin, 0, shared).run();
}

Result<void> parse_zone_text(std::string_view text, const ZoneFileOptions& options, const RecordSink& sink) {
  return parse_zone_views(text, options, [&sink](const RecordView& view) {
    Record record;
    record.owner = Name(view.owner);
    record.type = view.type;
    record.ttl = view.ttl;
    record.rdata.assign(view.rdata.begin(), view.rdata.end());
    return sink(std::move(record));
  });
}

std::string record_line(NameView owner, std::uint32_t ttl, RRType type, ByteView rdata) {
  std::string out;
  detail::append_name(out, owner);
  out.push_back(' ');
  detail::append_number(out, ttl);
  out += " IN ";
  out += type_text(type);
  out.push_back(' ');
  out += rdata_text(type, rdata);
  out.push_back('\n');
  return out;
}

std::string rrset_lines(const RRset& set) {
  std::string out;
  for (const Bytes& rdata : set.rdatas) out += record_line(set.owner, set.ttl, set.type, rdata);
  for (const Bytes& rdata : set.signatures) out += record_line(set.owner, set.ttl, RRType::RRSIG, rdata);
  return out;
}

}  // namespace onoma::wire
