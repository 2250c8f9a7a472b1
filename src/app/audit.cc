#include "app/audit.h"

#include <algorithm>
#include <chrono>

namespace onoma::app {
namespace {

class Work final : public publish::AuditWork {
 public:
  Work(const zone::SnapshotPtr& zone, const gate::GateOptions& how, Time now) : check_(zone, how, now) {}
  bool step(std::size_t names) override { return check_.step(names); }
  zone::Verdict verdict() override { return check_.verdict(); }

 private:
  gate::ZoneCheck check_;
};

}  // namespace

std::unique_ptr<publish::Auditor> make_auditor(publish::NextServed next, gate::GateOptions how,
                                               const AuditSettings& settings, os::JobPool& pool,
                                               const Clock& clock) {
  how.expired_is_fatal = how.short_is_fatal = true;
  how.min_remaining_s = static_cast<std::uint32_t>(settings.audit_margin_s);
  const Duration rest = std::chrono::seconds{settings.audit_rest_s};
  return std::make_unique<publish::Auditor>(
      std::move(next),
      [how](const zone::SnapshotPtr& zone, Time now) { return std::make_unique<Work>(zone, how, now); }, pool,
      clock,
      publish::AuditOptions{.rest = rest, .first = std::min<Duration>(std::chrono::seconds{30}, rest)});
}

}  // namespace onoma::app
