#include "gate/keys.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

namespace onoma::gate {

KeySet::KeySet(const DataRange& dnskeys) {
  for (auto data : dnskeys) {
    if (data.size() < 5) continue;
    Key key;
    key.flags = load_u16(data.data());
    key.algorithm = data[3];
    key.tag = key_tag(data);
    key.data.assign(data.begin(), data.end());
    if (const auto algorithm = crypto::algorithm_from(key.algorithm))
      if (auto made = crypto::PublicKey::from_dnskey(*algorithm, data.subspan(4))) key.key = *std::move(made);
    if (data[2] == 3 && key.is_zone_key() && !key.is_revoked()) algorithms_.push_back(key.algorithm);
    keys_.push_back(std::move(key));
  }
  std::sort(algorithms_.begin(), algorithms_.end());
  algorithms_.erase(std::unique(algorithms_.begin(), algorithms_.end()), algorithms_.end());
}

std::vector<const Key*> KeySet::find(std::uint16_t tag, std::uint8_t algorithm) const {
  std::vector<const Key*> out;
  for (const auto& key : keys_)
    if (key.tag == tag && key.algorithm == algorithm && key.is_zone_key()) out.push_back(&key);
  return out;
}

void SignatureQueue::add(std::vector<const Key*> keys, Bytes message, ByteView signature, NameView owner,
                         RRType type) {
  entries_.push_back({std::move(keys), std::move(message), Bytes(signature.begin(), signature.end()),
                      wire::Name(owner), type, false});
  // Enough to share out between threads, little enough to stay in memory.
  constexpr std::size_t kBatch = 4096;
  if (entries_.size() >= (threads_ > 1 ? kBatch : 64)) run();
}

void SignatureQueue::run() {
  auto part = [this](std::size_t first, std::size_t step) {
    for (auto i = first; i < entries_.size(); i += step) {
      auto& entry = entries_[i];
      entry.good = std::ranges::any_of(entry.keys, [&](const Key* key) {
        return key->key && key->key->verify(entry.message, entry.signature);
      });
    }
  };
  if (threads_ > 1 && entries_.size() >= 64) {
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads_; ++i) helpers.emplace_back(part, i, threads_);
    part(0, threads_);
  } else {
    part(0, 1);
  }
  for (const auto& entry : entries_)
    if (!entry.good)
      findings_.fatal(entry.owner,
                      fmt::format("RRSIG over {} {} does not verify with key {} of the DNSKEY set: "
                                  "sign the set again",
                                  entry.owner.text(), wire::type_text(entry.type), entry.keys.front()->tag));
  checked_ += entries_.size();
  entries_.clear();
}

}  // namespace onoma::gate
