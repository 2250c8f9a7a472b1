// NotifySender: tells secondaries of new versions over UDP, on a thread of its own, as NotifyPlan says. Any
// thread may call; nothing waits. Answers are believed when they come from where the NOTIFY went, have its
// id, and are signed with its key if it was.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "transfer/notify_plan.h"
#include "zone/snapshot.h"

namespace onoma::transfer {

class NotifySender {
 public:
  static constexpr std::size_t kDestinationsMax = 1'000;
  // Opens the sockets. Clock and rng must outlive it.
  static Result<std::unique_ptr<NotifySender>> start(std::vector<NotifyDestination> destinations,
                                                     NotifyTimes times, const Clock& clock, Rng& rng);
  ~NotifySender();  // stop()

  void shown(const wire::Name& zone, const zone::Snapshot& snapshot);
  void removed(const wire::Name& zone);
  void stop();  // what is outstanding is forgotten. Idempotent

 private:
  struct State;
  explicit NotifySender(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The message, unsigned. In the answer section the SOA of `hint`.
Bytes notify_message(std::uint16_t id, wire::NameView zone, const NotifyHint& hint);

}  // namespace onoma::transfer
