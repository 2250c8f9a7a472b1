#include "wire/zonefile_pieces.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "wire/text.h"
#include "wire/zonefile_parser.h"

namespace onoma::wire {
namespace {

using detail::ZoneFileParser;
using detail::ZoneFileShared;
using detail::ZoneFileState;

// Calls found(rest) with the text from each dollar sign on, until it returns false.
template <class Found>
void each_dollar(std::string_view text, Found&& found) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const void* next = std::memchr(text.data() + at, '$', text.size() - at);
    if (next == nullptr) return;
    at = static_cast<std::size_t>(static_cast<const char*>(next) - text.data());
    if (!found(text.substr(at))) return;
  }
}

bool begins_ignoring_case(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && detail::equal_ignoring_case(text.substr(0, word.size()), word);
}

bool includes_files(std::string_view text) {
  bool found = false;
  each_dollar(text, [&](std::string_view rest) {
    found = begins_ignoring_case(rest, "$INCLUDE");
    return !found;
  });
  return found;
}

// The first word behind the directive at the front of `line`.
std::string_view argument(std::string_view line, std::string_view directive) {
  line.remove_prefix(directive.size());
  const auto begin = line.find_first_not_of(" \t");
  if (begin == 0 || begin == std::string_view::npos) return {};
  line.remove_prefix(begin);
  return line.substr(0, line.find_first_of(" \t\r\n;"));
}

// The last directives of a piece, as they look.
struct Directives {
  std::vector<std::string_view> origins;  // several when they build on each other
  std::optional<std::uint32_t> ttl;

  void read(std::string_view piece) {
    each_dollar(piece, [&](std::string_view rest) {
      if (rest.data() != piece.data() && rest.data()[-1] != '\n') return true;
      if (begins_ignoring_case(rest, "$ORIGIN")) {
        const auto name = argument(rest, "$ORIGIN");
        if (name.ends_with('.')) origins.clear();
        if (!name.empty()) origins.push_back(name);
      } else if (begins_ignoring_case(rest, "$TTL")) {
        if (auto value = detail::parse_ttl(argument(rest, "$TTL"))) ttl = value;
      }
      return true;
    });
  }
  void apply(ZoneFileState& state) const {
    for (const auto name : origins)
      if (auto origin = Name::parse(name, state.origin)) state.origin = *std::move(origin);
    if (ttl) state.ttl = ttl;
  }
};

struct Piece {
  const char* begin = nullptr;
  const char* limit = nullptr;
  const char* at = nullptr;  // how far it was read
  Directives directives;
  Name origin;  // what `state` began with
  std::optional<std::uint32_t> ttl;
  ZoneFileState state;
  bool inherited = false;
  Result<void> result;
};

// Reads from piece.at under piece.state.
void read(std::string_view text, const ZoneFileOptions& options, Piece& piece, const PieceSink& sink) {
  ZoneFileShared shared{.options = options,
                        .sink = sink.record,
                        .classify = detail::classifier(options.scan),
                        .ttl = {},
                        .last_ttl = {}};
  ZoneFileParser parser(text, options.file_name, {}, 0, shared);
  piece.result = parser.run_piece(piece.at, piece.limit, piece.state);
  piece.inherited = shared.inherited;
}

// Did the text before piece leave what the piece was read under?
bool begins_as_guessed(const Piece& piece, const char* at, const ZoneFileState& before,
                       std::size_t max_generate) {
  return at == piece.begin && !piece.inherited && onoma::equal(before.origin.wire(), piece.origin.wire()) &&
         before.ttl == piece.ttl &&
         (piece.state.generated == 0 || before.generated + piece.state.generated <= max_generate);
}

}  // namespace

std::vector<std::size_t> zone_text_cuts(std::string_view text, const ZoneFileOptions& options,
                                        std::size_t pieces) {
  std::vector<std::size_t> cuts{0};
  if (options.allow_include && includes_files(text)) return cuts;
  for (std::size_t i = 1; i < pieces; ++i) {
    const std::size_t wanted = std::max(text.size() / pieces * i, cuts.back() + 1);
    for (auto line = text.find('\n', wanted); line != std::string_view::npos;
         line = text.find('\n', line + 1)) {
      if (line + 1 >= text.size()) break;
      if (std::string_view(" \t\r\n;()\"").find(text[line + 1]) != std::string_view::npos) continue;
      cuts.push_back(line + 1);
      break;
    }
  }
  return cuts;
}

Result<void> parse_zone_pieces(std::string_view text, const ZoneFileOptions& options,
                               std::span<const std::size_t> cuts, const Parallel& parallel,
                               std::span<const PieceSink> sinks) {
  CHECK(!cuts.empty() && cuts[0] == 0 && sinks.size() == cuts.size());
  std::vector<Piece> pieces(cuts.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    CHECK(i == 0 || (cuts[i] > cuts[i - 1] && cuts[i] <= text.size()));
    pieces[i].begin = pieces[i].at = text.data() + cuts[i];
    pieces[i].limit = text.data() + (i + 1 < cuts.size() ? cuts[i + 1] : text.size());
  }
  if (pieces.size() > 1)
    parallel(pieces.size() - 1, [&](std::size_t i) {
      pieces[i].directives.read(
          {pieces[i].begin, static_cast<std::size_t>(pieces[i].limit - pieces[i].begin)});
    });
  ZoneFileState guess;
  guess.origin = options.origin;
  for (auto& piece : pieces) {
    piece.origin = piece.state.origin = guess.origin;
    piece.ttl = piece.state.ttl = guess.ttl;
    piece.directives.apply(guess);
  }
  parallel(pieces.size(), [&](std::size_t i) { read(text, options, pieces[i], sinks[i]); });

  for (std::size_t i = 0; i < pieces.size(); ++i) {
    auto& piece = pieces[i];
    if (i > 0) {
      const auto& before = pieces[i - 1];
      if (begins_as_guessed(piece, before.at, before.state, options.max_generate)) {
        if (piece.state.owner_size == 0) {
          piece.state.owner = before.state.owner;
          piece.state.owner_size = before.state.owner_size;
        }
        if (!piece.state.last_ttl) piece.state.last_ttl = before.state.last_ttl;
        piece.state.generated += before.state.generated;
      } else {
        sinks[i].again();
        piece.at = before.at;
        piece.state = before.state;
        piece.result = {};
        if (piece.at < piece.limit) read(text, options, piece, sinks[i]);
      }
    }
    if (!piece.result) return std::move(piece.result);
  }
  return {};
}

}  // namespace onoma::wire
