#include "serve/edns.h"

#include <cstring>

#include "serve/cookie.h"

namespace onoma::serve {

EdnsWishes read_wishes(ByteView options, bool stream) {
  EdnsWishes wishes;
  while (options.size() >= 4) {
    const auto code = static_cast<OptionCode>(load_u16(options.data()));
    const auto size = load_u16(&options[2]);
    if (options.size() < 4U + size) break;
    const auto data = options.subspan(4, size);
    options = options.subspan(4U + size);
    switch (code) {
      case OptionCode::nsid:
        wishes.nsid = true;
        break;
      case OptionCode::expire:
        wishes.expire = true;
        break;
      case OptionCode::padding:
        wishes.padding = true;
        break;
      case OptionCode::cookie:
        if (wishes.has_cookie) break;  // the first one counts (RFC 7873 §5.2)
        wishes.malformed |= !cookie_size_valid(size);
        wishes.has_cookie = true;
        wishes.cookie = data;
        break;
      case OptionCode::keepalive:
        if (!stream) break;
        wishes.malformed |= size != 0;
        wishes.keepalive = true;
        break;
      case OptionCode::zoneversion:
        wishes.malformed |= size != 0 || wishes.zoneversion;
        wishes.zoneversion = true;
        break;
      default:
        break;  // unknown options are ignored (RFC 6891 §6.1.2)
    }
  }
  return wishes;
}

bool OptionList::add(OptionCode code, ByteView data, ByteView more) {
  const auto size = data.size() + more.size();
  if (size + 4 > kMaxOctets - size_) return false;
  auto* at = &octets_[size_];
  store_u16(at, static_cast<std::uint16_t>(code));
  store_u16(at + 2, static_cast<std::uint16_t>(size));
  if (!data.empty()) std::memcpy(at + 4, data.data(), data.size());
  if (!more.empty()) std::memcpy(at + 4 + data.size(), more.data(), more.size());
  size_ += 4 + size;
  return true;
}

bool OptionList::add_zeros(OptionCode code, std::size_t size) {
  if (size + 4 > kMaxOctets - size_) return false;
  auto* at = &octets_[size_];
  store_u16(at, static_cast<std::uint16_t>(code));
  store_u16(at + 2, static_cast<std::uint16_t>(size));
  std::memset(at + 4, 0, size);
  size_ += 4 + size;
  return true;
}

}  // namespace onoma::serve
