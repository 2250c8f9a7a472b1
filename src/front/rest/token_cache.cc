#include "front/rest/token_cache.h"

#include "crypto/digest.h"

namespace onoma::front {
namespace {
constexpr std::size_t kMaxEntries = 1024;
constexpr std::size_t kMaxTokenOctets = 256;
}  // namespace

Result<model::Registrar> TokenCache::authenticate(std::string_view token) {
  if (token.empty() || token.size() > kMaxTokenOctets)
    return fail(Code::unauthenticated, "this is no token of this server");
  const Key key = crypto::sha256(as_bytes(token));
  const auto now = clock_.steady();
  std::uint64_t generation = 0;
  auto known = state_.with([&](State& state) -> std::optional<model::Registrar> {
    generation = state.generation;
    const auto found = state.entries.find(key);
    if (found == state.entries.end()) return std::nullopt;
    if (found->second.until > now) return found->second.registrar;
    state.entries.erase(found);
    return std::nullopt;
  });
  if (known) return *std::move(known);
  ONOMA_TRY(auto registrar, authenticator_.authenticate(token));
  state_.with([&](State& state) {
    if (state.generation != generation) return;
    if (state.entries.size() >= kMaxEntries) state.entries.clear();
    state.entries.insert_or_assign(key, Entry{registrar, now + keep_});
  });
  return registrar;
}

void TokenCache::forget() {
  state_.with([](State& state) {
    state.entries.clear();
    ++state.generation;
  });
}

}  // namespace onoma::front
