// How code without threads of its own gets help: the caller passes one of these in. Calls run(0) …
// run(tasks-1), each once, in any order and on any threads, and returns when all are done; what they wrote is
// then seen by the caller. `run` must not throw. The app builds one on os::JobPool; serially() is for
// everybody else.
#pragma once

#include <cstddef>
#include <functional>

namespace onoma {

using Parallel = std::function<void(std::size_t tasks, const std::function<void(std::size_t)>& run)>;

inline void serially(std::size_t tasks, const std::function<void(std::size_t)>& run) {
  for (std::size_t i = 0; i < tasks; ++i) run(i);
}

}  // namespace onoma
