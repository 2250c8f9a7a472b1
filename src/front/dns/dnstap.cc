#include "front/dns/dnstap.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include <fmt/format.h>
#include <fstrm.h>

#include "base/metrics.h"

namespace onoma::front {
namespace {

constexpr std::string_view kContentType = "protobuf:dnstap.Dnstap";
constexpr unsigned kQueueFrames = 4096;  // a power of two, as the library wants
constexpr std::size_t kLargestFrame = 65535 + 1024;

}  // namespace

// Frames one behind another, each after a word that says its length and whether it was given back. The worker
// takes space at the head and frees what was given back at the tail; only the word is shared.
struct DnstapTap::Ring {
  struct alignas(8) Head {
    std::atomic<std::uint32_t> given_back{0};
    std::uint32_t octets = 0;  // of this frame with its head, a multiple of 8
  };
  explicit Ring(std::size_t wanted)
      : size(std::max(wanted, 2 * kLargestFrame) / 8 * 8), memory(new std::uint8_t[size + sizeof(Head)]) {}

  Head* head_at(std::size_t at) { return reinterpret_cast<Head*>(memory.get() + at); }

  // Space for a frame, or nullptr. used counts what lies between tail and head.
  std::uint8_t* take(std::size_t octets) {
    while (used > 0 && head_at(tail)->given_back.load(std::memory_order_acquire) != 0) {
      used -= head_at(tail)->octets;
      tail = (tail + head_at(tail)->octets) % size;
    }
    if (used == 0) head = tail = 0;
    const auto need = (sizeof(Head) + octets + 7) / 8 * 8;
    if (head >= tail && size - head < need && used > 0) {
      // Does not fit before the end: the rest is a frame that nobody reads.
      const auto rest = size - head;
      if (tail < need) return nullptr;
      auto* const filler = new (head_at(head)) Head;
      filler->octets = static_cast<std::uint32_t>(rest);
      filler->given_back.store(1, std::memory_order_relaxed);
      used += rest;
      head = 0;
    }
    if (size - used < need || (head < tail && tail - head < need) || size - head < need) return nullptr;
    auto* const frame = new (head_at(head)) Head;
    frame->octets = static_cast<std::uint32_t>(need);
    return reinterpret_cast<std::uint8_t*>(frame) + sizeof(Head);
  }
  // The frame that take() gave last is on its way.
  void commit(const std::uint8_t* frame) {
    const auto octets = reinterpret_cast<const Head*>(frame - sizeof(Head))->octets;
    used += octets;
    head = (head + octets) % size;
  }
  static void give_back(void* frame, void* /*unused*/) {
    reinterpret_cast<Head*>(static_cast<std::uint8_t*>(frame) - sizeof(Head))
        ->given_back.store(1, std::memory_order_release);
  }

  std::size_t size, head = 0, tail = 0, used = 0;
  std::unique_ptr<std::uint8_t[]> memory;
  std::array<std::uint8_t, 65535> copy;  // of a message that is anonymised
  std::array<std::uint8_t, 16> address;
  std::atomic<std::uint64_t> dropped{0};
};

struct Dnstap::Writer {
  fstrm_iothr* thread = nullptr;
  ~Writer() {
    if (thread != nullptr) fstrm_iothr_destroy(&thread);
  }
};

DnstapTap::DnstapTap(Dnstap& owner, void* queue)
    : owner_(owner),
      queue_(queue),
      sample_(std::max(owner.options_.sample, 1U)),
      anonymiser_(owner.options_.anonymity, owner.options_.key.value_or(crypto::SipKey{})),
      ring_(std::make_unique<Ring>(owner.options_.queue_octets)) {}
DnstapTap::~DnstapTap() = default;

void DnstapTap::tap(const DnstapExchange& exchange) noexcept {
  const auto& options = owner_.options_;
  DnstapMessage message{.identity = options.identity,
                        .version = options.version,
                        .transport = exchange.transport,
                        .query_address = exchange.peer,
                        .response_address = exchange.local,
                        .query_port = exchange.peer_port,
                        .response_port = exchange.local_port,
                        .query_time = exchange.received,
                        .response_time = exchange.sent,
                        .zone = exchange.zone};
  if (options.anonymity != Anonymity::none) {
    const auto size = std::min(exchange.peer.size(), ring_->address.size());
    const auto address = MutableBytes(ring_->address).first(size);
    std::copy_n(exchange.peer.begin(), size, address.begin());
    anonymiser_.hide_address(address);
    message.query_address = address;
    message.query_port = 0;
  }
  if (options.queries) {
    message.dns = exchange.query;
    submit(message);
  }
  if (options.responses && !exchange.answer.empty()) {
    message.response = true;
    message.dns = exchange.answer;
    submit(message);
  }
}

void DnstapTap::submit(DnstapMessage& message) noexcept {
  if (anonymiser_.how() != Anonymity::none) {
    const auto copy = MutableBytes(ring_->copy).first(std::min(message.dns.size(), ring_->copy.size()));
    std::copy_n(message.dns.begin(), copy.size(), copy.begin());
    message.dns = anonymiser_.hide_in_message(copy) ? ByteView(copy) : ByteView{};
  }
  const auto size = dnstap_size(message);
  auto* const frame = ring_->take(size);
  if (frame != nullptr) {
    encode_dnstap(message, {frame, size});
    // Before it is given away: the writing thread may give it back at once.
    ring_->commit(frame);
    if (fstrm_iothr_submit(owner_.writer_->thread, static_cast<fstrm_iothr_queue*>(queue_), frame, size,
                           Ring::give_back, nullptr) == fstrm_res_success) {
      add(Metric::onoma_dnstap_frames_total);
      return;
    }
    Ring::give_back(frame, nullptr);
  }
  ring_->dropped.store(ring_->dropped.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  add(Metric::onoma_dnstap_dropped_total);
}

Dnstap::Dnstap(DnstapOptions options) : options_(std::move(options)), writer_(std::make_unique<Writer>()) {}
Dnstap::~Dnstap() {
  writer_.reset();  // before the rings
}

Result<std::unique_ptr<Dnstap>> Dnstap::open(DnstapOptions options, std::size_t workers, Rng& rng) {
  if (options.socket.empty() == options.file.empty())
    return fail(Code::bad_request, "dnstap needs a socket or a file, and not both", "dnstap.socket");
  if (options.anonymity == Anonymity::permuted && !options.key) rng.fill(options.key.emplace());
  std::unique_ptr<Dnstap> out(new Dnstap(std::move(options)));
  const auto& path = out->options_.socket.empty() ? out->options_.file : out->options_.socket;

  auto* writer_options = fstrm_writer_options_init();
  fstrm_writer_options_add_content_type(writer_options, kContentType.data(), kContentType.size());
  fstrm_writer* writer = nullptr;
  if (!out->options_.socket.empty()) {
    auto* socket_options = fstrm_unix_writer_options_init();
    fstrm_unix_writer_options_set_socket_path(socket_options, path.c_str());
    writer = fstrm_unix_writer_init(socket_options, writer_options);
    fstrm_unix_writer_options_destroy(&socket_options);
  } else {
    auto* file_options = fstrm_file_options_init();
    fstrm_file_options_set_file_path(file_options, path.c_str());
    writer = fstrm_file_writer_init(file_options, writer_options);
    fstrm_file_options_destroy(&file_options);
    // Opened here, not in the thread, so that the error is seen.
    if (writer != nullptr && fstrm_writer_open(writer) != fstrm_res_success) fstrm_writer_destroy(&writer);
  }
  fstrm_writer_options_destroy(&writer_options);
  if (writer == nullptr) return fail(Code::io, fmt::format("cannot write dnstap to {}", path));

  auto* thread_options = fstrm_iothr_options_init();
  fstrm_iothr_options_set_num_input_queues(thread_options, static_cast<unsigned>(workers));
  fstrm_iothr_options_set_input_queue_size(thread_options, kQueueFrames);
  fstrm_iothr_options_set_queue_model(thread_options, FSTRM_IOTHR_QUEUE_MODEL_SPSC);
  out->writer_->thread = fstrm_iothr_init(thread_options, &writer);
  fstrm_iothr_options_destroy(&thread_options);
  if (out->writer_->thread == nullptr) {
    fstrm_writer_destroy(&writer);
    return fail(Code::io, "cannot start the thread that writes dnstap");
  }
  for (std::size_t i = 0; i < workers; ++i) {
    auto* const queue = fstrm_iothr_get_input_queue_idx(out->writer_->thread, i);
    out->taps_.push_back(std::unique_ptr<DnstapTap>(new DnstapTap(*out, queue)));
  }
  return out;
}

std::uint64_t Dnstap::dropped() const {
  std::uint64_t sum = 0;
  for (const auto& tap : taps_) sum += tap->ring_->dropped.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace onoma::front
