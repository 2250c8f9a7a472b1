// The control socket of a running server: a Unix-domain socket (mode 0600, and only this user or root is
// heard) on which a client sends one JSON document and a newline, and gets one JSON document and a newline.
// JSON is opaque text here; it needs no newline inside (a newline in a document can only be white space, and
// is sent as a space). Before the answer the server may send lines that start with '#': progress, for people.
// One request a connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "os/fd.h"

namespace onoma::os {

inline constexpr std::size_t kControlDocumentMax = 16U << 20;  // octets

// Tells the client how far its request has got; any thread while the handler runs.
using ControlProgress = std::function<void(std::string_view text)>;
// Called by a thread of the connection; several requests may be at work at once. Returns the answer.
using ControlHandler = std::function<std::string(std::string_view request, const ControlProgress& progress)>;

struct ControlOptions {
  std::size_t connections_max = 8;             // at work at once; others wait in the backlog
  std::chrono::milliseconds patience{10'000};  // for a client to send its request, and to take its answer
};

class ControlServer {
 public:
  // Listens on `path` and starts, on the socket that a former process handed over if there is one. Else: a
  // socket file on which nobody answers is replaced; one on which somebody does is Code::unavailable; any
  // other kind of file is left alone and is Code::exists.
  static Result<std::unique_ptr<ControlServer>> start(const std::string& path, ControlHandler handler,
                                                      ControlOptions options = {});
  // Hears no new request, cuts off those still being read, waits for the handlers at work, removes the file.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  const std::string& path() const { return path_; }

  // While paused no new request is heard: who connects waits. Requests at work go on. Any thread.
  void pause(bool paused);
  // The socket belongs to another process now: hears nothing more, and leaves the file where it is.
  void leave();

 private:
  struct Session {
    Fd fd;
    std::thread thread;
    bool done = false;
  };
  ControlServer() = default;
  void run();
  void serve(Session& session);
  std::size_t collect_done();

  std::string path_;
  ControlHandler handler_;
  ControlOptions options_;
  Fd listener_;
  Fd wake_;
  std::mutex mutex_;
  std::list<Session> sessions_;
  bool stopping_ = false, paused_ = false, left_ = false;
  std::thread thread_;
};

// Sends one request and waits for its answer. Code::unavailable if no server answers on `path` or not within
// `timeout` (counted anew whenever progress arrives), Code::too_large if either document is. Any thread.
Result<std::string> control_call(const std::string& path, std::string_view request,
                                 std::chrono::milliseconds timeout, const ControlProgress& progress = {});

}  // namespace onoma::os
