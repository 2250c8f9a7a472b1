// Client: what the commands that talk to a running server share: finding the server and the token, sending a
// request, reading the answer. One thread at a time.
//
// Server: --server, else ONOMA_SERVER, else `server` of DATA/client.toml, else http://127.0.0.1:8080.
// Token: --token-file, else ONOMA_TOKEN, else `token` of DATA/client.toml, which goes to no other server than
// the one that the file names.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "app/commands.h"
#include "front/rest/http_client.h"

namespace onoma::app {

struct Access {
  std::string server;
  std::string token;  // empty: none
};
Result<Access> find_access(const Globals& globals);
// DATA/client.toml; an empty Access when it is not there.
Result<Access> read_client_file(const std::string& path);

struct Reply {
  int status = 0;
  std::string body;
  std::string etag;
};

class Client {
 public:
  static Result<Client> open(const Access& access);
  static Result<Client> open(const Globals& globals);

  // `target` is path and query, encoded. Refusals (4xx, 5xx) become the error that the server names; a 404
  // with a body of its own (a negative answer to a resolution) is handed out when `negative` is set.
  struct Extra {
    std::string if_match;
    std::string accept;
    std::string idempotency_key;
    bool negative = false;
    front::HttpClient::Sink sink = {};
  };
  Result<Reply> send(std::string_view method, std::string_view target, std::string_view body,
                     const Extra& extra);
  Result<Reply> send(std::string_view method, std::string_view target, std::string_view body = {});
  Result<Reply> get(std::string_view target) { return send("GET", target); }

 private:
  Client(front::HttpClient http, std::string token);
  front::HttpClient http_;
  std::string token_;
};

// Runs one command against the server: opens the client, reports an error, stores the exit status.
void with_client(Globals& globals, const std::function<Result<int>(Client&)>& work);

std::string encoded(std::string_view text);  // for a path segment or a query value

}  // namespace onoma::app
