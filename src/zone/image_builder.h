// ImageBuilder: owners in canonical order → an Image. One thread's, used once. Inside of the room `zone`.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "zone/image.h"

namespace onoma::zone {

class ImageBuilder {
 public:
  explicit ImageBuilder(Name apex);
  ~ImageBuilder();
  // Keys strictly ascending, the apex first; no NSEC3 sets. The octets are copied.
  Result<void> add(std::string_view sort_key, NameView owner, std::span<const EncodedSet> sets);
  // Hashes strictly ascending, after all names.
  Result<void> add_nsec3(std::string_view hash, NameView owner, std::span<const EncodedSet> sets);
  // Fails with Code::bad_request when there was no SOA at the apex.
  Result<ImagePtr> finish();
  // Keeps the digest of content for the facts, where it is known.
  void set_digest(const SetDigest& digest);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace onoma::zone
