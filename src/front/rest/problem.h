// Problem documents (RFC 9457): how every refusal over HTTP looks. Their members come from the one table of
// error codes (base/error.h): {"type","title","status","detail","code","field"}. Pure functions, usable from
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "front/rest/http_server.h"

namespace onoma::front {

std::string problem_json(int status, std::string_view title, std::string_view detail, std::string_view code,
                         std::string_view field = {});
// The answer for an error, with its status; a 401 says how to authenticate (RFC 9110 §11.6.1).
HttpResponse problem(const Error& error);

}  // namespace onoma::front
