// A program that takes over the sockets of another: what it finds, and what the old one hears of it.
#include "os/handover.h"

#include <array>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/address.h"
#include "os/privileges.h"
#include "os/socket.h"

namespace onoma::os {
namespace {

TEST(HandoverTest, AProgramThatEndsOrIsNoneIsAnError) {
  Handover handover;
  const auto ended = handover.start({.program = "/bin/false", .patience = std::chrono::seconds{20}});
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().message.find("ended before it was ready"), std::string::npos);
  const auto none = handover.start({.program = "/no/such/program"});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("/no/such/program"), std::string::npos);
}

TEST(HandoverTest, ACancelledOneRefuses) {
  Handover handover;
  handover.cancel();
  EXPECT_EQ(handover.start({.program = "/bin/sleep"}).error().code, Code::unavailable);
}

// The child tells with its exit status whether it found every socket, by adopting them itself.
TEST(HandoverTest, TheSuccessorFindsTheSocketsByTheirAddresses) {
  const auto any = Endpoint::parse("127.0.0.1:0").value();
  auto tcp = listen_tcp(any, 8);
  ASSERT_TRUE(tcp);
  auto udp = bind_udp(tcp->bound, false, 1 << 16);
  ASSERT_TRUE(udp);
  auto shared = bind_udp(tcp->bound, true, 1 << 16);
  ASSERT_TRUE(shared);
  const pid_t child = ::fork();
  if (child == 0) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) ::_exit(10);
    const auto line = [](const char* kind, int fd, const Endpoint& at) {
      return std::string(kind) + " " + std::to_string(fd) + " " + at.text() + "\n";
    };
    const auto text =
        "report " + std::to_string(ends[1]) + "\n" + line("tcp", tcp->fd.release(), tcp->bound) +
        line("udp", udp->fd.release(), udp->bound) + line("udp", shared->fd.release(), udp->bound);
    ::setenv("ONOMA_HANDOVER", text.c_str(), 1);
    const char* name = "onoma";
    if (!adopt_handover(1, &name) || !is_successor()) ::_exit(11);
    // Port 0 is the port that the old program was given.
    const auto again = listen_tcp(any, 8);
    if (!again || again->bound != tcp->bound) ::_exit(12);
    const auto first = bind_udp(again->bound, false, 1 << 16);
    if (!first || first->bound != udp->bound) ::_exit(13);
    const auto left = report_ready();
    if (left.size() != 1 || is_successor()) ::_exit(14);
    std::array<char, 16> said{};
    const auto size = ::read(ends[0], said.data(), said.size());
    ::_exit(std::string_view(said.data(), static_cast<std::size_t>(size)) == "ready\n" ? 0 : 15);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(HandoverTest, AVariableThatIsNotOursIsAnError) {
  for (const char* text : {"nonsense", "tcp 1 127.0.0.1:53", "tcp 99999 127.0.0.1:53", "tcp x y"}) {
    ::setenv("ONOMA_HANDOVER", text, 1);
    const char* name = "onoma";
    EXPECT_FALSE(adopt_handover(1, &name)) << text;
    EXPECT_EQ(::getenv("ONOMA_HANDOVER"), nullptr) << "it must not reach another program";
  }
}

TEST(PrivilegesTest, UsersAreFoundByNameAndNumberAndRootIsRefused) {
  EXPECT_EQ(find_identity("no-such-user-here").error().code, Code::not_found);
  EXPECT_EQ(find_identity("").error().code, Code::bad_syntax);
  EXPECT_EQ(find_identity("root").error().code, Code::out_of_range);
  const auto number = find_identity("4000000:4000001");
  ASSERT_TRUE(number);
  EXPECT_EQ(number->user, 4000000U);
  EXPECT_EQ(number->group, 4000001U);
  EXPECT_EQ(find_identity("4000000:no-such-group").error().code, Code::not_found);
}

}  // namespace
}  // namespace onoma::os
