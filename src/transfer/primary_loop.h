// PrimaryLoop: one thread that talks to primaries: questions over UDP, streams over TCP, any number at once,
// and timers in between. What was begun ends by a call of one of its handlers, exactly once, unless the loop
// is stopped.
//
// start(), stop() and post() may be called from any thread, everything else by the loop's own (from posted
// functions, handlers and the timer). Handlers may begin new exchanges.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "os/address.h"
#include "os/fd.h"

namespace onoma::transfer {

struct ExchangeLimits {
  Duration udp_wait = std::chrono::milliseconds{1500};  // for the first try, then twice as long
  unsigned udp_tries = 2;
  Duration connect_wait = std::chrono::seconds{5};
  Duration message_wait = std::chrono::seconds{30};  // from one whole message to the next
  Duration stream_wait = std::chrono::hours{2};      // for all of a stream
  // A stream that goes on for longer than rate_after must have brought so many octets a second.
  Duration rate_after = std::chrono::seconds{60};
  std::uint64_t rate_min = 512;
};

class PrimaryLoop {
 public:
  using Call = std::function<void()>;
  // True: this was what was waited for, the exchange is over. False: more is to come.
  using OnMessage = std::function<bool(ByteView message)>;
  // It came to nothing: a sentence for people. For streams also when the peer closed the connection.
  using OnEnd = std::function<void(const std::string& why)>;

  // Asks the loop's owner what is due; called after everything that happened. Returns when it wants to be
  // asked again.
  using Timer = std::function<std::optional<Duration>(Duration now)>;

  explicit PrimaryLoop(const Clock& clock, ExchangeLimits limits = {});
  ~PrimaryLoop();  // stop()
  PrimaryLoop(const PrimaryLoop&) = delete;
  PrimaryLoop& operator=(const PrimaryLoop&) = delete;

  Result<void> start(Timer timer);
  // Ends what is under way without a word. Idempotent.
  void stop();
  // False once stop() has begun.
  bool post(Call call);

  void ask_udp(const os::Endpoint& to, Bytes message, OnMessage on_message, OnEnd on_end);
  void stream(const os::Endpoint& to, Bytes message, OnMessage on_message, OnEnd on_end);
  std::size_t under_way() const { return exchanges_.size(); }

 private:
  class Exchange;
  class Udp;
  class Stream;

  void run();
  void take_posted();
  Duration now() const { return clock_.steady(); }

  const Clock& clock_;
  const ExchangeLimits limits_;
  Timer timer_;
  os::Fd wake_;
  std::mutex mutex_;
  std::vector<Call> posted_;  // under mutex_
  bool stopping_ = false;     // under mutex_
  std::list<std::unique_ptr<Exchange>> exchanges_;
  std::thread thread_;
};

}  // namespace onoma::transfer
