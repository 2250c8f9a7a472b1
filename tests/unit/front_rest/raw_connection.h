// A TCP connection to a server under test, for octets that no well-behaved client would send.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/address.h"

namespace onoma::front {

class RawConnection {
 public:
  explicit RawConnection(const os::Endpoint& to) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(connect(fd_, to.data(), to.size()), 0);
  }
  ~RawConnection() { close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // Returns how many octets the server took before it closed.
  std::size_t send(std::string_view text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const auto size = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) break;
      sent += static_cast<std::size_t>(size);
    }
    return sent;
  }
  // Everything until the server closes, or `until` has come.
  std::string read(std::string_view until = {}) {
    std::string out;
    char piece[4096];
    while (until.empty() || out.find(until) == std::string::npos) {
      pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 10'000) != 1) {
        ADD_FAILURE() << "no answer; so far: " << out;
        break;
      }
      const auto size = recv(fd_, piece, sizeof piece, 0);
      if (size <= 0) break;
      out.append(piece, static_cast<std::size_t>(size));
    }
    return out;
  }

 private:
  int fd_;
};

}  // namespace onoma::front
