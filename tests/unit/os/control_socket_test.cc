#include "os/control_socket.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "temp_dir.h"

namespace onoma::os {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

std::string echo(std::string_view request, const ControlProgress& progress) {
  if (request.find("work") != std::string_view::npos) {
    progress("half done");
    progress("nearly done");
  }
  return std::string(request);
}

TEST(ControlSocket, AnswersARequestAndShowsProgress) {
  TempDir dir;
  auto server = ControlServer::start(dir.file("s"), echo);
  ASSERT_TRUE(server) << server.error().message;
  struct stat facts{};
  ASSERT_EQ(::stat(dir.file("s").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  EXPECT_EQ(*control_call(dir.file("s"), R"({"do":"status"})", 5s), R"({"do":"status"})");
  std::vector<std::string> lines;
  auto answer = control_call(dir.file("s"), "{\"do\":\n\"work\"}", 5s,
                             [&](std::string_view line) { lines.emplace_back(line); });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, R"({"do": "work"})") << "a newline travels as a space";
  EXPECT_EQ(lines, (std::vector<std::string>{"half done", "nearly done"}));
}

TEST(ControlSocket, LargeDocumentsPassAndTooLargeOnesAreRefused) {
  TempDir dir;
  auto server = ControlServer::start(dir.file("s"), echo);
  ASSERT_TRUE(server);
  const std::string large(3 << 20, 'x');
  EXPECT_EQ(*control_call(dir.file("s"), large, 5s), large);
  EXPECT_EQ(control_call(dir.file("s"), std::string(kControlDocumentMax + 1, 'x'), 5s).error().code,
            Code::too_large);
}

TEST(ControlSocket, SeveralRequestsAreAtWorkAtOnce) {
  TempDir dir;
  std::latch all(3);
  auto server = ControlServer::start(dir.file("s"), [&](std::string_view, const ControlProgress&) {
    all.arrive_and_wait();
    return std::string("{}");
  });
  ASSERT_TRUE(server);
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&] { EXPECT_EQ(control_call(dir.file("s"), "{}", 5s).value_or("none"), "{}"); });
  for (auto& client : clients) client.join();
}

TEST(ControlSocket, ASecondServerIsRefusedAndADeadOneReplaced) {
  TempDir dir;
  const auto path = dir.file("s");
  auto server = ControlServer::start(path, echo);
  ASSERT_TRUE(server);
  auto second = ControlServer::start(path, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::unavailable);
  EXPECT_TRUE(control_call(path, "{}", 5s)) << "the first one must not have been harmed";
  server->reset();
  EXPECT_FALSE(std::filesystem::exists(path));

  // What a killed server leaves: a socket file that nobody listens on.
  {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  auto again = ControlServer::start(path, echo);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(control_call(path, "{}", 5s));
}

TEST(ControlSocket, AnotherKindOfFileIsLeftAlone) {
  TempDir dir;
  std::ofstream(dir.file("s")) << "precious";
  auto server = ControlServer::start(dir.file("s"), echo);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, Code::exists);
  EXPECT_EQ(std::filesystem::file_size(dir.file("s")), 8U);
}

TEST(ControlSocket, AnAbsentServerAndASlowAnswerAreSaidSo) {
  TempDir dir;
  EXPECT_EQ(control_call(dir.file("s"), "{}", 5s).error().code, Code::unavailable);
  EXPECT_EQ(control_call(std::string(200, 'p'), "{}", 5s).error().code, Code::out_of_range);
  std::latch go(1);
  auto server = ControlServer::start(dir.file("s"), [&](std::string_view, const ControlProgress&) {
    go.wait();
    return std::string("{}");
  });
  ASSERT_TRUE(server);
  auto answer = control_call(dir.file("s"), "{}", 20ms);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_NE(answer.error().message.find("within 20 ms"), std::string::npos);
  go.count_down();
}

TEST(ControlSocket, AClientThatSendsHalfARequestHoldsNoServerUp) {
  TempDir dir;
  auto server = ControlServer::start(dir.file("s"), echo);
  ASSERT_TRUE(server);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, dir.file("s").data(), dir.file("s").size());
  ASSERT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::send(fd.get(), "{\"half", 6, MSG_NOSIGNAL), 6);
  EXPECT_TRUE(control_call(dir.file("s"), "{}", 5s));
  const auto start = std::chrono::steady_clock::now();
  server->reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

}  // namespace
}  // namespace onoma::os
