#include "os/mapped_file.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <new>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"

namespace onoma::os {

namespace {

constexpr std::size_t kMostMappings = 4096;

// What the handler may look at: plain atomics, filled before a mapping is read and emptied before it goes.
struct Slot {
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<bool> lost{false};
};
std::array<Slot, kMostMappings>& slots() {
  static std::array<Slot, kMostMappings> all;
  return all;
}
std::array<Slot, kMostMappings>* for_handler = nullptr;
std::uintptr_t page_octets = 4096;
struct sigaction before_us;

void replace_page(int signal, siginfo_t* info, void*) {
  const auto saved = errno;
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (auto& slot : *for_handler) {
    const auto begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || at < begin || at >= slot.end.load(std::memory_order_acquire)) continue;
    slot.lost.store(true, std::memory_order_relaxed);
    auto* page = static_cast<std::uint8_t*>(info->si_addr) - at % page_octets;
    if (::mmap(page, page_octets, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
      errno = saved;
      return;
    }
  }
  // Not ours: as if this handler had never been.
  ::sigaction(signal, &before_us, nullptr);
  errno = saved;
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    for_handler = &slots();
    page_octets = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction wanted{};
    wanted.sa_sigaction = replace_page;
    wanted.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&wanted.sa_mask);
    ::sigaction(SIGBUS, &wanted, &before_us);
  });
}

std::unexpected<Error> io_error(const std::string& path, std::string_view what) {
  const auto code = errno == ENOENT ? Code::not_found : Code::io;
  return fail(code, fmt::format("{}: cannot {}: {}", path, what, errno_text(errno)));
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  install_handler();
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return io_error(path, "open it");
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return io_error(path, "ask its size");
  if (!S_ISREG(facts.st_mode)) return fail(Code::io, fmt::format("{}: not a file", path));
  std::shared_ptr<MappedFile> made(new MappedFile());
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(std::move(made));
  auto* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return io_error(path, "map it");
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  auto& all = slots();
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::uintptr_t free = 0;
    if (!all[i].begin.compare_exchange_strong(free, begin, std::memory_order_acq_rel)) continue;
    all[i].lost.store(false, std::memory_order_relaxed);
    all[i].end.store(begin + size, std::memory_order_release);
    made->slot_ = static_cast<int>(i);
    made->octets_ = {static_cast<const std::uint8_t*>(memory), size};
    return std::shared_ptr<const MappedFile>(std::move(made));
  }
  ::munmap(memory, size);
  return fail(Code::too_large, fmt::format("{}: more than {} files are mapped", path, kMostMappings));
}

MappedFile::~MappedFile() {
  if (octets_.empty()) return;
  auto& slot = slots()[static_cast<std::size_t>(slot_)];
  slot.end.store(0, std::memory_order_release);
  ::munmap(const_cast<std::uint8_t*>(octets_.data()), octets_.size());
  slot.begin.store(0, std::memory_order_release);
}

bool MappedFile::lost() const {
  const auto* flag = lost_flag();
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

const std::atomic<bool>* MappedFile::lost_flag() const {
  return slot_ < 0 ? nullptr : &slots()[static_cast<std::size_t>(slot_)].lost;
}

}  // namespace onoma::os
