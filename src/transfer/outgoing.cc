#include "transfer/outgoing.h"

#include <algorithm>
#include <utility>

namespace onoma::transfer {

using wire::RRType;

namespace {

constexpr std::size_t kMessageMax = 65535;
constexpr std::uint16_t kFlagQr = 0x8000, kFlagAa = 0x0400, kFlagRd = 0x0100;
constexpr std::uint16_t kServfail = 2;

// The SOA of a version: its view, and what keeps it.
class SoaRecord {
 public:
  explicit SoaRecord(const zone::Snapshot& snapshot) {
    const auto apex = snapshot.apex();
    const auto soa = apex.find(RRType::SOA);
    if (!soa || soa->rdatas().empty()) return;  // an image that cannot be read
    data_.assign(soa->rdatas().front().begin(), soa->rdatas().front().end());
    owner_ = wire::Name(apex.owner());
    ttl_ = soa->ttl();
  }
  RecordView view() const { return {.owner = owner_, .type = RRType::SOA, .ttl = ttl_, .rdata = data_}; }

 private:
  wire::Name owner_;
  std::uint32_t ttl_ = 0;
  Bytes data_;
};

class WholeZone final : public RecordStream {
 public:
  explicit WholeZone(zone::SnapshotPtr snapshot)
      : snapshot_(std::move(snapshot)), soa_(*snapshot_), cursor_(snapshot_->first()) {
    current_ = soa_.view();
  }

  const RecordView* peek() override { return state_ == State::done ? nullptr : &current_; }
  bool failed() const override { return failed_; }

  void advance() override {
    if (state_ == State::closing) state_ = State::done;
    if (state_ == State::done) return;
    if (state_ == State::opening) {
      state_ = State::names;
      enter_node();
    } else {
      ++*at_;
    }
    find_record();
  }

 private:
  enum class State : std::uint8_t { opening, names, nsec3, closing, done };

  // The node under the cursor, if there is one.
  void enter_node() {
    set_.reset();
    at_.reset();
    if (!cursor_.valid()) {
      node_.reset();
      return;
    }
    node_.emplace(cursor_.node());
    next_set_ = 0;
    if (state_ == State::names) ++names_;
  }

  // Stands on the record at at_, or on the first one behind it.
  void find_record() {
    for (;;) {
      if (at_ && *at_ != end_) {
        current_ = {.owner = node_->owner(),
                    .type = in_signatures_ ? RRType::RRSIG : set_->type(),
                    .ttl = set_->ttl(),
                    .rdata = **at_};
        return;
      }
      if (set_ && !in_signatures_) {
        in_signatures_ = true;
        at_ = set_->signatures().begin();
        end_ = set_->signatures().end();
        continue;
      }
      if (node_ && next_set_ < node_->size()) {
        set_.emplace(node_->at(next_set_++));
        // The SOA itself opens and closes the transfer; its signatures are sent here.
        in_signatures_ = state_ == State::names && set_->type() == RRType::SOA && node_->is_apex();
        const auto& data = in_signatures_ ? set_->signatures() : set_->rdatas();
        at_ = data.begin();
        end_ = data.end();
        continue;
      }
      if (node_) {
        cursor_.next();
        enter_node();
        continue;
      }
      if (state_ == State::names) {
        if (names_ != snapshot_->facts().names) {
          failed_ = true;
          state_ = State::done;
          return;
        }
        state_ = State::nsec3;
        cursor_ = snapshot_->nsec3_first();
        enter_node();
        continue;
      }
      state_ = State::closing;
      current_ = soa_.view();
      return;
    }
  }

  zone::SnapshotPtr snapshot_;
  SoaRecord soa_;
  State state_ = State::opening;
  std::uint64_t names_ = 0;  // seen
  bool failed_ = false;      // the version has names that its cursor does not show: its image is damaged
  zone::Cursor cursor_;
  std::optional<zone::NodeView> node_;
  std::size_t next_set_ = 0;
  std::optional<zone::RRsetView> set_;
  bool in_signatures_ = false;
  std::optional<zone::DataRange::iterator> at_;
  zone::DataRange::iterator end_;
  RecordView current_;
};

class Changes final : public RecordStream {
 public:
  Changes(zone::SnapshotPtr snapshot, std::vector<HistoryStepPtr> steps)
      : soa_(*snapshot), steps_(std::move(steps)) {
    current_ = soa_.view();
  }

  const RecordView* peek() override { return done_ ? nullptr : &current_; }

  void advance() override {
    if (done_) return;
    while (step_ < steps_.size()) {
      const auto& step = *steps_[step_];
      const RecordList* const lists[] = {&step.soas, &step.removed, &step.soas, &step.added};
      // The SOA list is read in two parts: one record for each of its turns.
      const bool is_soa = part_ == 0 || part_ == 2;
      const auto& list = *lists[part_];
      auto& at = is_soa ? soa_at_ : at_;
      if (is_soa ? !soa_sent_ : at < list.octets()) {
        current_ = list.read(at);
        soa_sent_ = is_soa;
        return;
      }
      soa_sent_ = false;
      at_ = 0;
      if (++part_ < 4) continue;
      part_ = 0;
      soa_at_ = 0;
      ++step_;
    }
    if (closed_ || steps_.empty()) {
      done_ = true;
      return;
    }
    closed_ = true;
    current_ = soa_.view();
  }

 private:
  SoaRecord soa_;
  std::vector<HistoryStepPtr> steps_;
  std::size_t step_ = 0, part_ = 0, at_ = 0, soa_at_ = 0;
  bool soa_sent_ = false, closed_ = false, done_ = false;
  RecordView current_;
};

}  // namespace

std::unique_ptr<RecordStream> whole_zone(zone::SnapshotPtr snapshot) {
  return std::make_unique<WholeZone>(std::move(snapshot));
}
std::unique_ptr<RecordStream> changes(zone::SnapshotPtr snapshot, std::vector<HistoryStepPtr> steps) {
  return std::make_unique<Changes>(std::move(snapshot), std::move(steps));
}

Outgoing::Outgoing(OutgoingHead head, std::unique_ptr<RecordStream> records, std::optional<TsigSigner> signer,
                   const Clock& clock)
    : head_(std::move(head)), records_(std::move(records)), signer_(std::move(signer)), clock_(clock) {}

void Outgoing::begin(Bytes& message, std::size_t wanted, std::size_t most) {
  const auto flags = static_cast<std::uint16_t>(kFlagQr | kFlagAa | (head_.recursion_desired ? kFlagRd : 0));
  const auto kept = (signer_ ? signer_->octets() : 0) + head_.opt.size();
  packer_->begin(message, head_.id, flags, wanted, most > kept ? most - kept : wire::kHeaderOctets);
  if (messages_ == 0) packer_->question(head_.zone, head_.type);
}

void Outgoing::finish(Bytes& message) {
  packer_->finish(messages_ == 0 ? ByteView(head_.opt) : ByteView());
  if (failed_) store_u16(&message[2], static_cast<std::uint16_t>(kFlagQr | kServfail));
  if (signer_ && !signer_->sign(message, clock_.now())) failed_ = true;
  ++messages_;
  octets_ += message.size();
}

bool Outgoing::next(Bytes& message) {
  if (failed_ || records_->peek() == nullptr) return false;
  begin(message, kTransferMessage, kMessageMax);
  const RecordView* record = nullptr;
  while ((record = records_->peek()) != nullptr && packer_->add(*record)) records_->advance();
  if (packer_->records() == 0 || records_->failed()) {
    failed_ = true;
    begin(message, kTransferMessage, kMessageMax);
  }
  finish(message);
  return true;
}

std::optional<Bytes> Outgoing::whole(std::size_t limit) {
  Bytes message;
  begin(message, limit, limit);
  while (const auto* record = records_->peek()) {
    if (!packer_->add(*record)) return std::nullopt;
    records_->advance();
  }
  if (records_->failed()) return std::nullopt;
  finish(message);
  if (failed_ || message.size() > limit) return std::nullopt;
  return message;
}

}  // namespace onoma::transfer
