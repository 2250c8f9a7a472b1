// HttpClient: a blocking HTTP/1.1 client for the command line and for tests. One connection, kept and
// reopened when the server closed it; one thread at a time. Speaks http:// only: for other machines, put a
// TLS proxy or a tunnel before the door. Follows no redirects.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace onoma::front {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most 64 MiB; empty when a sink took it
};

class HttpClient {
 public:
  // Gets pieces of a successful (2xx) answer's body; an error it returns ends the transfer and becomes its
  // result.
  using Sink = std::function<Result<void>(std::string_view)>;
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // "http://127.0.0.1:8080", perhaps with a path to be put before every target. bad_syntax for anything else.
  static Result<HttpClient> open(std::string_view base_url);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // `target` is path and query, encoded. unavailable when nobody answers or the server is silent for 30 s. A
  // request is sent a second time only when it is a GET or brings an Idempotency-Key, and a kept connection
  // turned out closed.
  Result<HttpReply> send(std::string_view method, std::string_view target, const Headers& headers = {},
                         std::string_view body = {}, const Sink& sink = {});
  const std::string& base_url() const;

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace onoma::front
