// Secrets that others present to us: making tokens, keeping them as salted hashes, checking them.
// Pure functions but for the Rng passed in; usable from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/rng.h"

namespace onoma::crypto {

// 256 random bits in 43 characters of base64url.
std::string new_token(Rng& rng);

// What is stored in place of a token that new_token made, or of another random secret of 128 bits or more:
// "hmac-sha256:SALT:HASH". One HMAC is enough, because nobody can try 2^128 tokens, however fast each trial
// is; and it must be fast, because every request brings a token. The salt keeps equal secrets from looking
// equal.
std::string hash_token(std::string_view token, Rng& rng);

// What is stored in place of a secret that a person chose, and an attacker could guess:
// "scrypt:LOG2N:R:P:SALT:HASH" (RFC 7914). Costs 16 MiB and a tenth to a fifth of a second, on purpose: call
// it on the job pool, after a rate limit.
std::string hash_password(std::string_view password, Rng& rng);

// Does the presented secret belong to what was stored by either function? A stored text of no known form fits
// nothing. Takes the same time wherever the difference is.
bool verify_secret(std::string_view stored, std::string_view presented);

// Equal? The time depends on the sizes only, which are taken to be public.
bool constant_time_equal(ByteView a, ByteView b);

}  // namespace onoma::crypto
