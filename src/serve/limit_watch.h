// What the limiters of all workers see, put together: metrics, log lines, and the floods of now for
// `onoma status`. For one thread that is not a worker; poll() about once a second.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "serve/limiter.h"

namespace onoma::serve {

struct Flood {
  std::string encloser;           // as text, with the final dot
  std::uint64_t names_per_s = 0;  // distinct, all workers
  std::uint64_t withheld = 0;     // answers, since it began
};

class LimitWatch {
 public:
  // `limiters` must outlive it. Enclosers must have been given to them as sort keys.
  explicit LimitWatch(std::vector<const Limiter*> limiters) : limiters_(std::move(limiters)) {}

  // Adds to the metrics and writes what is new to the log: a flood that began or ended (at most kMostLines a
  // minute), and once a minute what was withheld.
  void poll(Duration steady);
  // The lines that poll() would log, without the metrics.
  std::vector<std::string> lines(Duration steady);

  LimitCounts counts() const;
  // The largest first.
  std::vector<Flood> floods() const;

  static constexpr std::size_t kMostLines = 20;

 private:
  std::vector<const Limiter*> limiters_;
  std::vector<Flood> last_floods_;
  LimitCounts metered_, told_;
  Duration minute_began_{0};
  std::size_t lines_left_ = kMostLines;
};

}  // namespace onoma::serve
