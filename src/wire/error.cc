#include "wire/error.h"

namespace onoma::wire {

std::string_view describe(WireError error) {
  switch (error) {
#define X(name, meaning) \
  case WireError::name:  \
    return meaning;
    ONOMA_WIRE_ERROR_TABLE(X)
#undef X
  }
  return "an unknown error";
}

}  // namespace onoma::wire
