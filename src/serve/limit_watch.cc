#include "serve/limit_watch.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"
#include "wire/name.h"

namespace onoma::serve {

namespace {

std::string text_of(ByteView sort_key) {
  const auto name = wire::Name::from_sort_key(as_text(sort_key));
  return name ? name->text() : "?";
}

const Flood* find(const std::vector<Flood>& floods, const std::string& encloser) {
  const auto at = std::ranges::find(floods, encloser, &Flood::encloser);
  return at == floods.end() ? nullptr : &*at;
}

}  // namespace

LimitCounts LimitWatch::counts() const {
  LimitCounts sum;
  for (const auto* limiter : limiters_) sum += limiter->counts();
  return sum;
}

std::vector<Flood> LimitWatch::floods() const {
  std::vector<Flood> out;
  for (const auto* limiter : limiters_) {
    std::array<FloodReport, kFloodReports> reports;
    const auto count = limiter->reports(reports);
    for (const auto& report : std::span(reports).first(count)) {
      auto encloser = text_of(report.octets());
      auto at = std::ranges::find(out, encloser, &Flood::encloser);
      if (at == out.end()) at = out.insert(at, {std::move(encloser), 0, 0});
      at->names_per_s += report.names_per_s;
      at->withheld += report.withheld;
    }
  }
  std::ranges::sort(out, std::ranges::greater{}, &Flood::names_per_s);
  return out;
}

std::vector<std::string> LimitWatch::lines(Duration steady) {
  std::vector<std::string> out;
  const auto now = floods();
  const auto say = [&](std::string text) {
    if (lines_left_ == 0) return;
    out.push_back(--lines_left_ == 0 ? text + "; no more such lines for a minute" : std::move(text));
  };
  for (const auto& flood : now)
    if (find(last_floods_, flood.encloser) == nullptr)
      say(fmt::format(
          "flood of random names below {} began: of the names that are not there, only those asked "
          "before, those that known sources ask and a few a second are answered",
          flood.encloser));
  for (const auto& flood : last_floods_)
    if (find(now, flood.encloser) == nullptr)
      say(fmt::format("flood of random names below {} is over; {} answers were withheld", flood.encloser,
                      flood.withheld));
  last_floods_ = now;

  if (steady - minute_began_ < std::chrono::minutes(1)) return out;
  minute_began_ = steady;
  lines_left_ = kMostLines;
  const auto sum = counts();
  const auto withheld = sum.dropped + sum.truncated - told_.dropped - told_.truncated;
  const auto shed = sum.shed - told_.shed;
  const auto dry = sum.dry_run - told_.dry_run;
  const auto flood = sum.flood - told_.flood;
  if (withheld > 0 || shed > 0)
    out.push_back(
        fmt::format("in the last minute: {} answers withheld ({} because of floods), {} sent as "
                    "truncated, {} packets dropped unread",
                    withheld, flood, sum.truncated - told_.truncated, shed));
  if (dry > 0)
    out.push_back(
        fmt::format("dry run, in the last minute: {} answers would have been withheld ({} because of floods)",
                    dry, flood));
  told_ = sum;
  return out;
}

void LimitWatch::poll(Duration steady) {
  const auto sum = counts();
  add(Metric::onoma_dns_limit_dropped_total, sum.dropped - metered_.dropped);
  add(Metric::onoma_dns_limit_truncated_total, sum.truncated - metered_.truncated);
  add(Metric::onoma_dns_limit_flood_total, sum.flood - metered_.flood);
  add(Metric::onoma_dns_limit_dry_run_total, sum.dry_run - metered_.dry_run);
  add(Metric::onoma_dns_limit_shed_total, sum.shed - metered_.shed);
  add(Metric::onoma_dns_limit_exempt_total, sum.exempt - metered_.exempt);
  metered_ = sum;
  for (const auto& line : lines(steady)) log::warning("limit", line);
  set(Metric::onoma_dns_floods, last_floods_.size());
}

}  // namespace onoma::serve
