#include "publish/image_map.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <tuple>
#include <unordered_map>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/large_memory.h"

namespace onoma::publish {

namespace {

constexpr std::size_t kHeadOctets = 64;
constexpr std::size_t kNamesTold = 5;

// The same file with the same content, as far as the system tells.
using Identity = std::tuple<dev_t, ino_t, off_t, std::int64_t, std::int64_t>;

Identity identity_of(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return {};
  return {facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec};
}

struct Opened {
  Identity identity;
  std::weak_ptr<ImageMap> map;
};
struct OpenedFiles {
  std::mutex mutex;
  std::unordered_map<std::string, Opened> by_path;
};
OpenedFiles& opened_files() {
  static OpenedFiles all;
  return all;
}

// What lies behind the last block.
ByteView sums_of(const zone::ImageFile& file, ByteView octets) {
  const auto last = file.block(file.blocks() - 1);
  return octets.subspan(static_cast<std::size_t>(last.data() + last.size() - octets.data()));
}

Bytes kept(ByteView octets) {
  return {octets.begin(), octets.end()};
}

}  // namespace

ImageMap::ImageMap(std::string path, std::shared_ptr<const os::MappedFile> map, zone::ImageFile file)
    : path_(std::move(path)),
      map_(std::move(map)),
      file_(file),
      head_(kept(map_->octets().first(kHeadOctets))),
      sums_(kept(sums_of(file_, map_->octets()))) {}

Result<std::shared_ptr<ImageMap>> ImageMap::open(const std::string& path) {
  auto& files = opened_files();
  std::scoped_lock lock(files.mutex);
  const auto identity = identity_of(path);
  if (const auto at = files.by_path.find(path); at != files.by_path.end()) {
    if (auto map = at->second.map.lock(); map && at->second.identity == identity) return map;
    files.by_path.erase(at);
  }
  ONOMA_TRY(auto mapped, os::MappedFile::open(path));
  auto file = zone::ImageFile::open(mapped->octets());
  if (!file) return fail(file.error().code, fmt::format("{}: {}", path, file.error().message));
  std::shared_ptr<ImageMap> map(new ImageMap(path, std::move(mapped), *file));
  // What is gone is forgotten now and then.
  if (files.by_path.size() % 64 == 63)
    std::erase_if(files.by_path, [](const auto& entry) { return entry.second.map.expired(); });
  files.by_path.emplace(path, Opened{identity, map});
  return map;
}

Result<zone::SnapshotPtr> ImageMap::zone(const wire::Name& name) const {
  const auto told = [this](const Error& error) {
    return fail(error.code, fmt::format("{}: {}", path_, error.message));
  };
  const auto index = file_.find(name);
  if (!index) return told(index.error());
  if (!*index) {
    std::string names;
    for (std::size_t i = 0; i < std::min(file_.size(), kNamesTold); ++i)
      if (const auto there = file_.name(i)) names += (i > 0 ? ", " : "") + there->text();
    if (file_.size() > kNamesTold) names += fmt::format(" and {} more", file_.size() - kNamesTold);
    return fail(Code::bad_request, fmt::format("{}: this image does not hold the zone {}; it holds {}", path_,
                                               name.text(), names));
  }
  auto snapshot = file_.snapshot(**index, map_, map_->lost_flag());
  if (!snapshot) return told(snapshot.error());
  if ((*snapshot)->facts().apex != name)
    return fail(Code::corrupt, fmt::format("{}: the image file is damaged: {} lies where {} should; compile "
                                           "it again",
                                           path_, (*snapshot)->facts().apex.text(), name.text()));
  return *std::move(snapshot);
}

bool ImageMap::written_over() const {
  return !equal(map_->octets().first(kHeadOctets), head_) || !equal(sums_of(file_, map_->octets()), sums_);
}

Result<std::shared_ptr<const ImageMap::Copy>> ImageMap::copy(const std::function<bool()>& stop) {
  std::scoped_lock lock(copying_);
  if (auto held = copy_.lock()) return held;
  const auto all = map_->octets();
  const auto size = all.size() - sums_.size();
  std::shared_ptr<std::uint8_t> memory;
  try {
    memory = large_memory(size);
  } catch (const std::bad_alloc&) {
    return fail(Code::unavailable, fmt::format("{}: no memory for a copy of {} octets", path_, size));
  }
  auto made = std::make_shared<Copy>();
  auto* to = memory.get();
  for (std::size_t i = 0; i < file_.blocks(); ++i) {
    if (stop && stop()) return std::shared_ptr<const Copy>();
    const auto block = file_.block(i);
    std::memcpy(to, block.data(), block.size());
    if (!file_.block_fits(i, {to, block.size()})) {
      std::memset(to, 0, block.size());
      made->bad.push_back(i);
    }
    to += block.size();
  }
  if (written_over()) {
    // Then its checksums say nothing of what was opened.
    std::memset(memory.get(), 0, size);
    made->bad.resize(file_.blocks());
    for (std::size_t i = 0; i < made->bad.size(); ++i) made->bad[i] = i;
    made->problem = fmt::format(
        "{} was written over while it was in use; write a new file and rename it, then reload", path_);
  } else if (!made->bad.empty()) {
    made->problem = fmt::format(
        "{} is damaged: {} of {} blocks do not fit their checksums, the first at "
        "octet {}{}; put the file back and reload",
        path_, made->bad.size(), file_.blocks(), made->bad.front() * zone::ImageFile::kBlockOctets,
        map_->lost() ? "; parts of it are gone" : "");
  }
  made->octets = std::move(memory);
  copy_ = made;
  return std::shared_ptr<const Copy>(std::move(made));
}

std::size_t ImageMap::place(const zone::Snapshot& current) const {
  return static_cast<std::size_t>(zone::image_octets(current).data() - map_->octets().data());
}

bool ImageMap::harmed(const zone::Snapshot& current, const Copy& copy) const {
  const auto first = place(current) / zone::ImageFile::kBlockOctets;
  const auto last = (place(current) + zone::image_octets(current).size() - 1) / zone::ImageFile::kBlockOctets;
  const auto at = std::ranges::lower_bound(copy.bad, first);
  return at != copy.bad.end() && *at <= last;
}

Result<zone::SnapshotPtr> ImageMap::moved(const zone::Snapshot& current,
                                          const std::shared_ptr<const Copy>& copy) const {
  const std::shared_ptr<const std::uint8_t> image(copy, copy->octets.get() + place(current));
  return zone::move_to_copy(current, image, !harmed(current, *copy));
}

Result<void> ImageMap::verify(const std::function<void(std::size_t)>& progress) const {
  for (std::size_t i = 0; i < file_.blocks(); ++i) {
    if (!file_.block_fits(i, file_.block(i)))
      return fail(Code::corrupt, fmt::format("{}: the block at octet {} does not fit its checksum; the file "
                                             "is damaged, compile it again",
                                             path_, i * zone::ImageFile::kBlockOctets));
    if (progress) progress(i);
  }
  return {};
}

}  // namespace onoma::publish
