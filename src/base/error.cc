#include "base/error.h"

#include <array>
#include <cstddef>

namespace onoma {
namespace {
constexpr std::array kFacts{
#define X(name, epp, http, rcode, ede, exit, meaning) CodeFacts{#name, epp, http, rcode, ede, exit, meaning},
    ONOMA_ERROR_TABLE(X)
#undef X
};
}  // namespace

const CodeFacts& facts(Code code) {
  return kFacts.at(static_cast<std::size_t>(code));
}

std::unexpected<Error> fail_in(std::string_view context, Error error) {
  error.message.insert(0, std::string(context) + ": ");
  return std::unexpected<Error>(std::move(error));
}

}  // namespace onoma
