// Auditor: looks through everything that is served, zone after zone, again and again, in slices at low
// priority: what was right when it was shown may expire, and what came from a compiled image was not looked
// at as a whole here. What it finds is told in the log, in a metric and to whoever asks; it changes nothing.
//
// start() and stop() from one thread; the rest from any.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/time.h"
#include "os/job_pool.h"
#include "publish/health.h"
#include "zone/stages.h"

namespace onoma::publish {

// The check of one version, in slices. The program brings the gate's.
class AuditWork {
 public:
  virtual ~AuditWork() = default;
  virtual bool step(std::size_t names) = 0;  // true: there is more
  virtual zone::Verdict verdict() = 0;       // at the end, once; fatal findings are what is wrong
};
using AuditFactory = std::function<std::unique_ptr<AuditWork>(const zone::SnapshotPtr& zone, Time now)>;
// The first served version from `cursor` on; sets it behind. Null, and 0: that was all.
using NextServed = std::function<zone::SnapshotPtr(std::size_t& cursor)>;

struct AuditOptions {
  std::size_t slice_names = 1000;
  unsigned share = 10;                        // works one part of so many of the time
  Duration rest = std::chrono::minutes{10};   // between two rounds
  Duration first = std::chrono::seconds{30};  // before the first
};

class Auditor {
 public:
  // The pool, best one of its own of low priority, and the clock must outlive it.
  Auditor(NextServed next, AuditFactory make, os::JobPool& pool, const Clock& clock,
          AuditOptions options = {});
  ~Auditor();  // stop()

  void start();
  void stop();

  // Why the zone as it was when looked at last is not right; nullopt: it is, or was not looked at yet.
  std::optional<std::string> problem(const wire::Name& zone) const;
  std::map<wire::Name, std::string> problems() const;  // at most kProblemsMax
  std::uint64_t rounds() const;

  static constexpr std::size_t kProblemsMax = 10'000;

 private:
  void turn();
  void finish();

  const NextServed next_;
  const AuditFactory make_;
  const Clock& clock_;
  const AuditOptions options_;
  static constexpr std::size_t kSmallZones = 64;
  std::size_t cursor_ = 0, small_ = 0;
  std::unique_ptr<AuditWork> work_;
  zone::SnapshotPtr zone_;
  std::map<wire::Name, std::string> seen_;  // in this round
  mutable std::mutex mutex_;
  std::map<wire::Name, std::string> problems_;
  std::uint64_t rounds_ = 0;
  os::SerialQueue queue_;  // last: stops before the rest goes
};

// Health with what the audit found. What `source` calls and the auditor must outlive it.
HealthSource with_audit(const HealthSource& source, const Auditor& auditor);

}  // namespace onoma::publish
