#include "transfer/tsig_key.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/encoding.h"
#include "os/durable_file.h"

namespace onoma::transfer {
namespace {

struct AlgorithmFacts {
  std::string_view text;
  std::size_t octets;
};
constexpr std::array<AlgorithmFacts, kTsigAlgorithms> kFacts{
    {{"hmac-sha1", 20}, {"hmac-sha224", 28}, {"hmac-sha256", 32}, {"hmac-sha384", 48}, {"hmac-sha512", 64}}};

const AlgorithmFacts& facts_of(TsigAlgorithm algorithm) {
  return kFacts[static_cast<std::size_t>(algorithm)];
}

using State = std::variant<crypto::HmacSha1, crypto::HmacSha224, crypto::HmacSha256, crypto::HmacSha384,
                           crypto::HmacSha512>;

State keyed(TsigAlgorithm algorithm, ByteView secret) {
  switch (algorithm) {
    case TsigAlgorithm::hmac_sha1:
      return crypto::HmacSha1(secret);
    case TsigAlgorithm::hmac_sha224:
      return crypto::HmacSha224(secret);
    case TsigAlgorithm::hmac_sha256:
      break;
    case TsigAlgorithm::hmac_sha384:
      return crypto::HmacSha384(secret);
    case TsigAlgorithm::hmac_sha512:
      return crypto::HmacSha512(secret);
  }
  return crypto::HmacSha256(secret);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (words.size() < 5) {
    const auto start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) break;
    line.remove_prefix(start);
    const auto end = std::min(line.find_first_of(" \t\r"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

Result<TsigKeyPtr> key_of(const std::vector<std::string_view>& words) {
  if (words.size() != 3) return fail(Code::bad_syntax, "expected NAME ALGORITHM BASE64");
  const auto name = wire::Name::parse(words[0]);
  if (!name || name->is_root())
    return fail(Code::bad_syntax, fmt::format("{} is not the name of a key", words[0]));
  const auto algorithm = tsig_algorithm(words[1]);
  if (!algorithm)
    return fail(Code::unsupported,
                fmt::format("{} is not one of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, "
                            "hmac-sha512",
                            words[1]));
  const auto secret = from_base64(words[2]);  // not shown in messages
  if (!secret) return fail(Code::bad_syntax, "the secret is not base64");
  if (secret->size() < KeyRing::kSecretMin || secret->size() > KeyRing::kSecretMax)
    return fail(Code::out_of_range, fmt::format("a secret of {} octets; it must have {} to {}",
                                                secret->size(), KeyRing::kSecretMin, KeyRing::kSecretMax));
  return std::make_shared<const TsigKey>(*name, *algorithm, *secret);
}

}  // namespace

std::string_view text_of(TsigAlgorithm algorithm) {
  return facts_of(algorithm).text;
}

std::optional<TsigAlgorithm> tsig_algorithm(std::string_view text) {
  for (std::size_t i = 0; i < kFacts.size(); ++i)
    if (kFacts[i].text == text) return static_cast<TsigAlgorithm>(i);
  return std::nullopt;
}

wire::NameView name_of(TsigAlgorithm algorithm) {
  static const auto names = [] {
    std::array<wire::Name, kTsigAlgorithms> out;
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = wire::Name::parse(kFacts[i].text).value_or(wire::Name());
    return out;
  }();
  return names[static_cast<std::size_t>(algorithm)];
}

std::size_t mac_octets(TsigAlgorithm algorithm) {
  return facts_of(algorithm).octets;
}

TsigMac::TsigMac(TsigAlgorithm algorithm, ByteView secret) : state_(keyed(algorithm, secret)) {}

void TsigMac::update(ByteView octets) {
  std::visit([&](auto& hmac) { hmac.update(octets); }, state_);
}

Bytes TsigMac::finish() {
  return std::visit(
      [](auto& hmac) {
        const auto mac = hmac.finish();
        return Bytes(mac.begin(), mac.end());
      },
      state_);
}

Result<void> KeyRing::read(std::string_view text, std::string_view source, KeyRing& ring) {
  auto next = ring;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto words = words_of(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    auto key = key_of(words);
    if (!key) return fail_in(fmt::format("{}:{}", source, number), key.error());
    if (auto added = next.add(*std::move(key)); !added)
      return fail_in(fmt::format("{}:{}", source, number), added.error());
  }
  ring = std::move(next);
  return {};
}

Result<KeyRing> KeyRing::load(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  using std::filesystem::perms;
  if (!error && (status.permissions() & (perms::group_all | perms::others_all)) != perms::none)
    return fail(
        Code::forbidden,
        fmt::format("{}: others than its owner may use this file of secrets; chmod 600 {}", path, path));
  ONOMA_TRY(const auto octets, os::read_file(path, kFileMax));
  KeyRing ring;
  ONOMA_TRY_VOID(read(as_text(octets), path, ring));
  if (ring.empty())
    return fail(Code::bad_syntax, fmt::format("{}: no key in it; a line is NAME ALGORITHM BASE64", path));
  return ring;
}

Result<void> KeyRing::add(TsigKeyPtr key) {
  if (keys_.size() >= kKeysMax) return fail(Code::too_large, fmt::format("more than {} keys", kKeysMax));
  const auto& name = key->name();
  if (!keys_.emplace(name, key).second)
    return fail(Code::exists, fmt::format("a second key named {}", name.text()));
  return {};
}

TsigKeyPtr KeyRing::find(wire::NameView name) const {
  const auto it = keys_.find(wire::Name(name));
  return it == keys_.end() ? nullptr : it->second;
}

}  // namespace onoma::transfer
