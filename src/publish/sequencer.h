// Sequencer: takes one zone from version to version. It alone drives source → sign → gate → log → show, for
// every kind of source; the stages are interfaces (zone/stages.h), so that it runs in a test with fakes.
//
// It is a state machine, run() its only step function. Calls must not overlap: the owner runs it on a serial
// queue and posts run() again when news may have come or `next_wake` has passed. What always holds: a version
// is shown only after the gate accepted it and the log made it durable; serials only go forward; after an
// error the zone stays at the version it had, and the same events are offered again by the next run().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/rng.h"
#include "base/time.h"
#include "model/objects.h"
#include "publish/held.h"
#include "zone/change_limits.h"
#include "zone/stages.h"

namespace onoma::publish {

// When each step of a version ended; equal to the step before where a step was not needed.
struct VersionTrace {
  wire::Name zone;
  std::uint32_t serial = 0;
  std::uint64_t first_event = 0, last_event = 0;
  std::size_t changes = 0;  // RRsets in the signed diff
  Time committed{}, collected{}, signed_at{}, checked{}, durable{}, shown{};
  bool replayed = false;  // read from the log at a start: only `committed` and `collected` are known
};

struct SequencerStages {
  std::unique_ptr<zone::DiffSource> source;  // null: versions come by offer() only
  std::unique_ptr<zone::Signer> signer;      // null: the content is served as it comes
  std::unique_ptr<zone::Gate> gate;
  std::unique_ptr<zone::VersionLog> log;                       // null: nothing is kept (authority from files)
  zone::VersionSink* sink = nullptr;                           // must outlive the sequencer
  std::shared_ptr<const zone::ChangeLimits> limits = nullptr;  // null: none
  HeldStore* held = nullptr;  // null: what is not shown is forgotten. Must outlive the sequencer
};

struct SequencerOptions {
  wire::Name zone;
  model::SerialPolicy serial = model::SerialPolicy::unixtime;
  std::uint32_t first_serial = 0;  // the first version's serial is above it
  bool keep_serial = false;        // take serials from the source's SOA (files, transfers)
  std::uint64_t epoch = 1;
  Duration retry = std::chrono::seconds{1};  // after an error, doubled up to 64 times this
  Duration min_interval{};                   // between versions; 0: none
  std::size_t refresh_batch = 500;           // signatures renewed in one version
  std::size_t turns_max = 64;                // versions made by one run()
};

class Sequencer {
 public:
  enum class State : std::uint8_t {
    starting,  // nothing shown yet
    idle,      // all known events are shown
    held,      // the gate refused the newest batch; or a version waits for a person, and all behind it
    failing,   // a stage failed; tried again at next_wake()
  };

  Sequencer(SequencerOptions options, SequencerStages stages, const Clock& clock);

  // Rebuilds the newest version from the log and shows it. True if there was one. Once, before run().
  Result<bool> restore();
  // Takes a zone up at a version that is shown already. Instead of restore().
  void resume(zone::SnapshotPtr current);
  // Goes on from the same version in other memory. REQUIRES: equal to current().
  void replace_equal(zone::SnapshotPtr same);
  // Shows a version that comes ready, with the serial it has: from a file or a transfer. `diff` leads to it
  // from the current version; absent, it is worked out. False when it equals the current version, or when the
  // gate refuses it: then state() is held. REQUIRES: no signer; a first version needs its diff if there is a
  // log.
  Result<bool> offer(zone::SnapshotPtr next, std::optional<zone::Diff> diff = std::nullopt);
  // Another signing policy or other keys: the next run() makes a version of the whole content with these
  // stages. A null signer takes the signatures off.
  void sign_anew(std::unique_ptr<zone::Signer> signer, std::unique_ptr<zone::Gate> gate);
  void set_serial_policy(model::SerialPolicy policy, Duration min_interval);

  // A job says what it is going to change; in place of one said before. Not kept over a restart.
  void announce(zone::Announcement announcement) { announced_ = std::move(announcement); }
  const std::optional<zone::Announcement>& announced() const { return announced_; }  // what is left of it
  // The next offer() is what a person has agreed to: limits do not count.
  void waive_limits() { waived_ = true; }
  zone::ChangeLedger& ledger() { return ledger_; }
  // Shows the version that waits, whose serial is given, with a serial that is new now: the same content,
  // signed anew and checked as every other. Of one that was rolled back: the source's content as it is now.
  // not_found: it does not wait; gate_refused: its content is broken, now or from the beginning.
  Result<VersionTrace> approve(std::uint32_t serial, const Decision& by);
  // Forgets a version that waits or was refused. The source is asked again: what it still wants is checked
  // anew.
  Result<void> reject(std::uint32_t serial, const Decision& by);
  // Shows the content of an earlier version of the log with a new serial, and lets everything behind it wait
  // until that serial is approved. not_found: the log does not go back to it.
  Result<VersionTrace> roll_back(std::uint32_t to, const Decision& by);
  // What waits for a person, and how many events behind it, as of the newest look.
  const std::optional<HeldVersion>& waiting() const { return waiting_; }
  std::uint64_t queued() const { return queued_; }

  // Brings the zone up to date, in as many versions as it takes, up to `turns_max`; if that was not enough,
  // next_wake() is now. Returns the traces of versions shown.
  std::vector<VersionTrace> run();

  State state() const { return state_; }
  const std::string& reason() const { return reason_; }  // of held and failing, for people
  std::optional<Time> next_wake() const { return next_wake_; }
  zone::SnapshotPtr current() const { return current_; }  // null before the first version
  std::uint64_t last_event() const { return last_event_; }
  const SequencerOptions& options() const { return options_; }

 private:
  struct Step;
  Result<bool> turn(std::vector<VersionTrace>& out);
  Result<bool> finish(Step step, zone::Diff unsigned_diff, std::vector<VersionTrace>& out);
  void hold(const Step& step, HeldKind kind);
  void describe_waiting();
  Result<void> look_behind();
  void take_up_waiting();
  void recall(const zone::Snapshot& before, const zone::Version& version);
  Result<bool> first_version(std::vector<VersionTrace>& out);
  Result<bool> whole_version(std::vector<VersionTrace>& out);
  Result<bool> next_version(std::vector<VersionTrace>& out);
  Result<bool> refresh(std::vector<VersionTrace>& out);
  Result<bool> accept(Step step, std::vector<VersionTrace>& out);
  std::uint32_t next_serial(Time now) const;
  void fail(const Error& error, Time now);
  void rest(Time now);
  bool too_early(Time now);

  SequencerOptions options_;
  SequencerStages stages_;
  const Clock& clock_;
  State state_ = State::starting;
  std::string reason_;
  std::optional<Time> next_wake_;
  zone::SnapshotPtr current_;
  std::uint64_t last_event_ = 0;
  bool sign_anew_ = false;
  bool events_last_ = false;      // the newest version came from events
  std::uint64_t held_event_ = 0;  // last event of the batch the gate refused
  Duration retry_{};
  Time last_shown_{};
  std::optional<zone::Announcement> announced_;
  zone::ChangeLedger ledger_;
  bool waived_ = false;  // for the next step
  std::optional<HeldVersion> waiting_;
  std::uint64_t queued_ = 0;
  Time looked_behind_{};
};

// The serial after `last` under a policy (RFC 1982): always newer.
std::uint32_t serial_after(std::uint32_t last, model::SerialPolicy policy, Time now);

}  // namespace onoma::publish
