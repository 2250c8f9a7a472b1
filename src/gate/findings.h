// Collects what is wrong with a version. At most 100 fatal findings and 100 warnings are kept, all are
// counted.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "wire/name.h"
#include "wire/rrtype.h"
#include "zone/stages.h"

namespace onoma::gate {

inline constexpr std::size_t kFindingsKept = 100;

class Findings {
 public:
  // `what` is a whole sentence that names owner and type and says what was expected.
  void fatal(wire::NameView owner, std::string what) { add(fatal_, owner, std::move(what), true); }
  void warning(wire::NameView owner, std::string what) { add(warnings_, owner, std::move(what), false); }
  void report(bool is_fatal, wire::NameView owner, std::string what) {
    is_fatal ? fatal(owner, std::move(what)) : warning(owner, std::move(what));
  }
  bool any_fatal() const { return !fatal_.empty(); }
  std::uint64_t total() const { return total_; }

  // Fatal findings first, 100 at most.
  zone::Verdict verdict() && {
    zone::Verdict out;
    out.total = total_;
    out.findings = std::move(fatal_);
    for (auto& warning : warnings_) {
      if (out.findings.size() >= kFindingsKept) break;
      out.findings.push_back(std::move(warning));
    }
    return out;
  }

 private:
  void add(std::vector<zone::Finding>& to, wire::NameView owner, std::string&& what, bool is_fatal) {
    ++total_;
    if (to.size() >= kFindingsKept) return;
    for (const auto& have : to)  // a step may come to the same fault from two sides
      if (have.what == what) {
        --total_;
        return;
      }
    to.push_back({std::move(what), owner.text(), is_fatal});
  }

  std::vector<zone::Finding> fatal_, warnings_;
  std::uint64_t total_ = 0;
};

}  // namespace onoma::gate
