// ImportSender: sends objects to the import door in batches of at most 1,000, several at a time, and adds up
// what came of them. Called from one thread; works with a few of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/client.h"

namespace onoma::app {

// Objects of one kind, each as JSON.
struct ImportGroup {
  std::string_view member;  // "hosts" or "delegations"
  std::vector<std::string> objects;
};

struct ImportTotals {
  std::size_t batches = 0, changed_batches = 0;
  std::uint64_t last_seq = 0;
  struct Note {
    std::size_t count = 0;
    std::string example;
  };
  std::map<std::string, Note> notes;  // what today's policy would refuse, by reason
};

class ImportSender {
 public:
  // `progress` is called now and then, on the caller's thread, with the number of objects done so far.
  ImportSender(Access access, std::string zone, std::function<void(std::size_t)> progress)
      : access_(std::move(access)), zone_(std::move(zone)), progress_(std::move(progress)) {}

  // Returns when all of the group is committed. On an error some batches may have been carried out: sending
  // them again does no harm.
  Result<void> send(const ImportGroup& group);
  const ImportTotals& totals() const { return totals_; }

 private:
  Access access_;
  std::string zone_;
  std::function<void(std::size_t)> progress_;
  ImportTotals totals_;
  std::size_t done_ = 0;
};

}  // namespace onoma::app
