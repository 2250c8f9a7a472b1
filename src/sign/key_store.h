// Where the keys of a zone are kept: a directory with one file of private key for each key,
// K<zone>+<alg>+<tag>.pem (PKCS #8, mode 0600), and one small text K<zone>.keys that says what they are for.
// Each file is replaced as a whole, the text last, so that a crash leaves the old set or the new one.
//
// Control plane only, one writer a zone. The directory belongs to the program's user. The text,
// line by line:
//   onoma-keys 2
//   zone <name>
//   spread <32 hex digits>
//   key <tag> <algorithm> ksk|zsk|csk <state> <since> <settled, or -> [standby]
// A key that was removed is a line without a file. Version 1, whose lines end with <since>, is read too: its
// states count as settled since then.
#pragma once

#include <string>
#include <string_view>

#include "os/file_system.h"
#include "sign/keys.h"

namespace onoma::sign {

// Errors: not_found (no text for this zone), corrupt (a file is not what it should be), io.
Result<KeySet> load_keys(const std::string& directory, wire::NameView zone,
                         os::FileSystem& files = os::FileSystem::real());

// Makes the directory (mode 0700) if it is missing. REQUIRES: every key has its secret. Private keys that are
// no longer in the set stay where they are.
// With `fresh`, only those tags' private keys are written, besides the text.
Result<void> store_keys(const std::string& directory, const KeySet& keys,
                        os::FileSystem& files = os::FileSystem::real(),
                        std::optional<std::span<const std::uint16_t>> fresh = {});

// What is loaded when it is there, made and stored when it is not.
Result<KeySet> load_or_generate_keys(const std::string& directory, wire::NameView zone, KeyLayout layout,
                                     crypto::Algorithm algorithm, Time now, Rng& rng,
                                     os::FileSystem& files = os::FileSystem::real());

// The zone name as a part of file names: lower case, everything but letters, digits, '-', '_' and '.' as %XX.
std::string file_stem(wire::NameView zone);

// The lines of the text, checked; for load_keys and its tests.
struct KeyListEntry {
  std::uint16_t tag = 0;
  std::uint8_t algorithm = 0;
  Role role = Role::csk;
  KeyState state;
  std::optional<Time> settled{};
  bool standby = false;
};
struct KeyList {
  wire::Name zone;
  crypto::SipKey spread{};
  std::vector<KeyListEntry> entries;  // at most 100
};
Result<KeyList> parse_key_list(std::string_view text);

}  // namespace onoma::sign
