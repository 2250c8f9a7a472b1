// HttpServer: HTTP/1.1 on plain structs, so that the doors behind it know nothing of the library that speaks
// it.
//
// What always holds
// - Every request is bounded: 16 KiB of request line and header, `body_max` octets of body, `patience` for a
// client to
//   send it and to take the answer. Too much is answered (413, 431) and the connection closed, without
//   reading it all.
// - A handler gets whole requests, on a thread of the server, and must not block for long; it may answer
// later and from
//   any thread. A Respond that is destroyed unused answers 500.
// - Answers on one connection leave in the order of its requests.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "os/address.h"

namespace onoma::front {

struct HttpRequest {
  std::string method;
  std::string path;                            // as sent, without the query; still percent-encoded
  std::string query;                           // behind the "?", or empty
  std::map<std::string, std::string> headers;  // names in lower case; repeated ones joined by ", "
  std::string body;
  std::string peer;  // address, for logs
  std::string_view header(const std::string& lower_case_name) const {
    const auto found = headers.find(lower_case_name);
    return found == headers.end() ? std::string_view{} : std::string_view{found->second};
  }
};

// Asked again and again for the next piece of a long body; false: the end.
using BodySource = std::move_only_function<bool(std::string& piece)>;

struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  BodySource source;  // set: the body is sent in chunks, `body` is ignored
};

using Respond = std::move_only_function<void(HttpResponse)>;
using HttpHandler = std::function<void(HttpRequest, Respond)>;

struct HttpOptions {
  std::vector<os::Endpoint> listen;  // port 0: the system chooses (see bound())
  std::size_t body_max = 1 << 20;    // octets
  std::size_t connections_max = 1024;
  std::chrono::seconds patience{10};
  std::chrono::seconds idle{30};
  std::size_t threads = 1;
};

class HttpServer {
 public:
  // Listens and answers. A port in use is Code::io with a message that names the address.
  static Result<std::unique_ptr<HttpServer>> start(HttpOptions options, HttpHandler handler);
  ~HttpServer();  // stop()
  // Closes the listeners and every connection, joins the threads. Idempotent.
  void stop();
  const std::vector<os::Endpoint>& bound() const;

 private:
  struct State;
  explicit HttpServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace onoma::front
