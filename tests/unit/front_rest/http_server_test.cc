// The HTTP server by itself: what it hands on, what it answers, and what it refuses.
#include "front/rest/http_server.h"

#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "front/rest/http_client.h"
#include "raw_connection.h"

namespace onoma::front {
namespace {

HttpResponse text(int status, std::string body) {
  HttpResponse response{.status = status};
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpHandler handler, HttpOptions options = {}) {
    options.listen = {*os::Endpoint::parse("127.0.0.1:0")};
    auto started = HttpServer::start(
        std::move(options), [this, handler = std::move(handler)](HttpRequest request, Respond respond) {
          ++handled_;
          handler(std::move(request), std::move(respond));
        });
    ASSERT_TRUE(started) << started.error().message;
    server_ = *std::move(started);
  }
  void start_echo(HttpOptions options = {}) {
    start(
        [](HttpRequest request, Respond respond) {
          respond(text(
              200, fmt::format("{} {} {} {}", request.method, request.path, request.query, request.body)));
        },
        std::move(options));
  }
  os::Endpoint at() const { return server_->bound().front(); }
  HttpClient client() { return *HttpClient::open("http://" + at().text()); }

  std::atomic<int> handled_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, HandsOnAWholeRequestAndAnswersOnAKeptConnection) {
  start([](HttpRequest request, Respond respond) {
    respond(text(201, fmt::format("{}|{}|{}|{}|{}|{}", request.method, request.path, request.query,
                                  request.body, request.header("x-one"), request.peer)));
  });
  auto http = client();
  auto reply = http.send("PUT", "/a%20b?c=d", {{"X-One", "1"}}, "body");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "PUT|/a%20b|c=d|body|1|127.0.0.1");
  reply = http.send("GET", "/again");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "GET|/again||||127.0.0.1");
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  start_echo();
  RawConnection raw(at());
  raw.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto got = raw.read();
  EXPECT_LT(got.find("GET /1"), got.find("GET /2"));
  EXPECT_NE(got.find("GET /2"), std::string::npos);
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
  start_echo();
  for (const std::string bad :
       {"\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n"}) {
    RawConnection raw(at());
    raw.send(bad);
    const auto got = raw.read();
    EXPECT_EQ(got.substr(0, 12), "HTTP/1.1 400") << bad;
    EXPECT_NE(got.find("application/problem+json"), std::string::npos) << bad;
    EXPECT_NE(got.find("\"code\":\"bad_request\""), std::string::npos) << got;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, RefusesTooMuch) {
  start_echo();
  {
    RawConnection raw(at());
    raw.send("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(raw.read().substr(0, 12), "HTTP/1.1 414");
  }
  {
    RawConnection raw(at());
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n");
    EXPECT_EQ(raw.read().substr(0, 12), "HTTP/1.1 431");
  }
  {
    RawConnection raw(at());
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    for (int i = 0; i < 20; ++i) raw.send(chunk);
    EXPECT_EQ(raw.read().substr(0, 12), "HTTP/1.1 413");
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, RefusesALargeBodyBeforeReadingIt) {
  start_echo();
  RawConnection raw(at());
  raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n");
  const auto got = raw.read();  // without having sent a single octet of the body
  EXPECT_EQ(got.substr(0, 12), "HTTP/1.1 413");
  EXPECT_NE(got.find("\"code\":\"too_large\""), std::string::npos) << got;
  EXPECT_NE(got.find("Connection: close"), std::string::npos) << got;
  auto http = client();
  const auto reply = http.send("POST", "/", {}, std::string(10U << 20, 'x'));
  if (reply) {
    EXPECT_EQ(reply->status, 413);  // else the connection was cut while sending
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, SaysContinueOnlyToABodyItWillTake) {
  start_echo();
  RawConnection raw(at());
  raw.send(
      "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: "
      "close\r\n\r\n");
  EXPECT_EQ(raw.read("\r\n\r\n").substr(0, 12), "HTTP/1.1 100");
  raw.send("ok");
  EXPECT_NE(raw.read().find("POST /x  ok"), std::string::npos);
  RawConnection large(at());
  large.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n");
  EXPECT_EQ(large.read().substr(0, 12), "HTTP/1.1 413");
}

TEST_F(HttpServerTest, AnswersHeadWithoutBody) {
  start_echo();
  RawConnection raw(at());
  raw.send("HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto got = raw.read();
  EXPECT_EQ(got.substr(0, 12), "HTTP/1.1 200");
  EXPECT_NE(got.find("Content-Length: 9"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
}

TEST_F(HttpServerTest, StreamsALongBodyPieceByPiece) {
  start([](HttpRequest, Respond respond) {
    HttpResponse response;
    response.source = [left = 3000](std::string& piece) mutable {
      if (left == 0) return false;
      piece = std::string(100, static_cast<char>('a' + left % 26));
      --left;
      return true;
    };
    respond(std::move(response));
  });
  auto http = client();
  for (int turn = 0; turn < 2; ++turn) {
    std::size_t size = 0;
    const auto reply = http.send("GET", "/", {}, {}, [&](std::string_view piece) -> Result<void> {
      size += piece.size();
      return {};
    });
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(size, 300'000U);
  }
  RawConnection old(at());  // HTTP/1.0 knows no chunks
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_NE(old.read().find("Content-Length: 300000"), std::string::npos);
}

TEST_F(HttpServerTest, TakesAnAnswerLaterAndFromAnotherThread) {
  std::jthread later;
  start([&later](HttpRequest, Respond respond) {
    later = std::jthread([respond = std::move(respond)]() mutable { respond(text(200, "late")); });
  });
  const auto reply = client().send("GET", "/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "late");
}

TEST_F(HttpServerTest, AnswersForAHandlerThatForgets) {
  start([](HttpRequest, Respond) {});
  const auto reply = client().send("GET", "/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 500);
  EXPECT_NE(reply->body.find("\"code\":\"internal\""), std::string::npos);
}

TEST_F(HttpServerTest, StopsWithRequestsInTheAirAndIdleConnections) {
  std::mutex mutex;
  std::vector<Respond> kept;
  start([&](HttpRequest, Respond respond) {
    std::scoped_lock lock(mutex);
    kept.push_back(std::move(respond));
  });
  RawConnection idle(at()), busy(at());
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (handled_ == 0) std::this_thread::yield();
  server_->stop();
  EXPECT_EQ(busy.read(), "");
  EXPECT_EQ(idle.read(), "");
  server_.reset();
  std::scoped_lock lock(mutex);
  ASSERT_EQ(kept.size(), 1U);
  kept[0](text(200, "too late"));  // harmless, although the server is gone
  kept.clear();
}

TEST_F(HttpServerTest, ClosesASlowRequest) {
  start_echo({.patience = std::chrono::seconds{1}});
  RawConnection raw(at());
  raw.send("GET / HTTP/1.1\r\nHost: ");
  EXPECT_EQ(raw.read(), "");
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, TurnsAwayConnectionsAboveTheLimit) {
  start_echo({.connections_max = 2});
  RawConnection first(at()), second(at());
  for (auto* raw : {&first, &second}) {
    raw->send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(raw->read("GET /x").find("200 OK"), std::string::npos);
  }
  RawConnection third(at());
  third.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(third.read(), "");
  first.send("GET /y HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(first.read("GET /y").find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, SaysWhichAddressIsInUse) {
  start_echo();
  const auto again = HttpServer::start({.listen = {at()}}, [](HttpRequest, Respond) {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::io);
  EXPECT_NE(again.error().message.find(at().text()), std::string::npos) << again.error().message;
}

TEST_F(HttpServerTest, ListensOnIpv6Too) {
  auto server = HttpServer::start({.listen = {*os::Endpoint::parse("[::1]:0")}},
                                  [](HttpRequest, Respond respond) { respond(text(200, "six")); });
  if (!server) GTEST_SKIP() << "no IPv6 here: " << server.error().message;
  auto http = HttpClient::open("http://" + (*server)->bound().front().text());
  ASSERT_TRUE(http);
  const auto reply = http->send("GET", "/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "six");
}

TEST(HttpClientTest, RefusesAddressesItCannotSpeakTo) {
  for (const auto* bad :
       {"127.0.0.1:80", "https://a", "http://", "http://a:b", "http://user@host/", "http://a:"}) {
    const auto opened = HttpClient::open(bad);
    ASSERT_FALSE(opened) << bad;
    EXPECT_EQ(opened.error().code, Code::bad_syntax);
  }
  EXPECT_TRUE(HttpClient::open("http://[::1]:8080/prefix/"));
}

TEST(HttpClientTest, SaysWhenNobodyAnswers) {
  auto server =
      HttpServer::start({.listen = {*os::Endpoint::parse("127.0.0.1:0")}}, [](HttpRequest, Respond) {});
  ASSERT_TRUE(server);
  const auto base = "http://" + (*server)->bound().front().text();
  (*server)->stop();
  const auto reply = HttpClient::open(base)->send("GET", "/");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::unavailable);
  EXPECT_NE(reply.error().message.find("no server at " + base), std::string::npos) << reply.error().message;
}

}  // namespace
}  // namespace onoma::front
