// RestDoor: the registry and its look-ups over HTTP/JSON, under /v1 and /r. Turns requests into commands and
// objects into JSON; has no rules of its own. The document at /v1/openapi.json describes all of it and is
// made from the same table that dispatches.
//
// Its handler may be called from any number of threads. Answers to writes come from a thread of the registry,
// answers that wait for the DNS from a thread of the door. The door must outlive the HTTP server that uses
// its handler, and the registry must have answered every command before the door goes.
#pragma once

#include <memory>
#include <string>

#include "front/rest/http_server.h"
#include "front/rest/services.h"

namespace onoma::front {

class Router;

class RestDoor {
 public:
  explicit RestDoor(RestServices services);
  ~RestDoor();
  HttpHandler handler();
  const Router& router() const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace onoma::front
