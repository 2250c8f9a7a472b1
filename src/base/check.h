// CHECK: for what only a programmer can break. It is always on; what the world may break is a returned error.
#pragma once

namespace onoma {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::onoma::check_failed(#condition, __FILE__, __LINE__))
