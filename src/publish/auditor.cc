#include "publish/auditor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"

namespace onoma::publish {
namespace {

constexpr Duration kPauseLeast = std::chrono::milliseconds{5};
constexpr std::size_t kFindingsTold = 3;

std::string about(std::uint32_t serial) {
  return fmt::format("audit of serial {}: ", serial);
}

std::string describe(std::uint32_t serial, const zone::Verdict& verdict) {
  auto out = about(serial);
  std::size_t told = 0, all = 0;
  for (const auto& finding : verdict.findings) {
    if (!finding.fatal || ++all > kFindingsTold) continue;
    out += (told++ == 0 ? "" : "; ") + finding.what;
  }
  if (verdict.total > told) out += fmt::format("; {} findings in all", verdict.total);
  return out;
}

// A health report of a zone that the audit complains of.
void blame(ZoneHealth& health, const std::string& problem) {
  if (health.condition != ZoneCondition::ok && health.condition != ZoneCondition::stale) return;
  health.condition = ZoneCondition::failed_audit;
  health.audit = "failed";
  health.reason = health.reason.empty() ? problem : problem + "; " + health.reason;
}

}  // namespace

Auditor::Auditor(NextServed next, AuditFactory make, os::JobPool& pool, const Clock& clock,
                 AuditOptions options)
    : next_(std::move(next)), make_(std::move(make)), clock_(clock), options_(options), queue_(pool) {}

Auditor::~Auditor() {
  stop();
}

void Auditor::start() {
  queue_.post_after(options_.first, [this] { turn(); });
}

void Auditor::stop() {
  queue_.stop();
}

// One slice, or the step to the next zone.
void Auditor::turn() {
  const auto begun = std::chrono::steady_clock::now();
  if (!work_) {
    zone_ = next_(cursor_);
    if (zone_) work_ = make_(zone_, clock_.now());
  }
  if (!zone_) {  // the round is over
    {
      std::scoped_lock lock(mutex_);
      problems_ = std::exchange(seen_, {});
      ++rounds_;
      set(Metric::onoma_audit_problems, problems_.size());
    }
    queue_.post_after(options_.rest, [this] { turn(); });
    return;
  }
  const bool more = work_->step(options_.slice_names);
  onoma::add(Metric::onoma_audit_names_total,
             std::min<std::uint64_t>(options_.slice_names, zone_->facts().names));
  if (!more) finish();
  const auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun);
  const auto pause = took * static_cast<Duration::rep>(std::max(1U, options_.share) - 1);
  // Many small zones are one slice together.
  if (!more && pause < kPauseLeast && ++small_ % kSmallZones != 0)
    queue_.post([this] { turn(); });
  else
    queue_.post_after(std::max(kPauseLeast, pause), [this] { turn(); });
}

void Auditor::finish() {
  const auto verdict = work_->verdict();
  work_.reset();
  const auto zone = std::exchange(zone_, nullptr);
  const auto& facts = zone->facts();
  onoma::add(Metric::onoma_audit_zones_total);
  std::scoped_lock lock(mutex_);
  if (verdict.accepted()) {
    problems_.erase(facts.apex);
    set(Metric::onoma_audit_problems, problems_.size());
    return;
  }
  auto problem = describe(facts.serial, verdict);
  // Told once for each version: how long is left changes with every round.
  const auto known = problems_.find(facts.apex);
  if (known == problems_.end() || !known->second.starts_with(about(facts.serial)))
    log::error("audit", fmt::format("zone {}: {}", facts.apex.text(), problem));
  if (seen_.size() < kProblemsMax) seen_.insert_or_assign(facts.apex, problem);
  if (problems_.size() < kProblemsMax) problems_.insert_or_assign(facts.apex, std::move(problem));
  set(Metric::onoma_audit_problems, problems_.size());
}

std::optional<std::string> Auditor::problem(const wire::Name& zone) const {
  std::scoped_lock lock(mutex_);
  const auto found = problems_.find(zone);
  if (found == problems_.end()) return std::nullopt;
  return found->second;
}

std::map<wire::Name, std::string> Auditor::problems() const {
  std::scoped_lock lock(mutex_);
  return problems_;
}

std::uint64_t Auditor::rounds() const {
  std::scoped_lock lock(mutex_);
  return rounds_;
}

HealthSource with_audit(const HealthSource& source, const Auditor& auditor) {
  return {.zone = [zone = source.zone, &auditor](const wire::Name& name) -> std::optional<ZoneHealth> {
            auto health = zone(name);
            if (health)
              if (const auto problem = auditor.problem(name)) blame(*health, *problem);
            return health;
          },
          .summary =
              [source, &auditor] {
                auto out = source.summary();
                for (const auto& [name, problem] : auditor.problems()) {
                  auto health = source.zone(name);
                  if (!health) continue;  // gone since
                  const bool was_ok = health->condition == ZoneCondition::ok;
                  blame(*health, problem);
                  if (!was_ok) {  // counted, and perhaps shown, as what it was
                    for (auto& example : out.examples)
                      if (example.zone == name) example = *health;
                    continue;
                  }
                  ++out.not_ok;
                  if (out.examples.size() < kHealthExamplesMax) out.examples.push_back(*std::move(health));
                }
                return out;
              }};
}

}  // namespace onoma::publish
