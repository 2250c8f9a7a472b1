// Starting as root and going on as a user: ports below 1024 are bound first, then root is given up for good.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/error.h"

namespace onoma::os {

struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  std::string name;  // as given
};

// "NAME", "NAME:GROUP", or numbers. Without a group it is the user's own.
Result<Identity> find_identity(const std::string& text);

// Becomes that user in every thread of this process: supplementary groups (those of the system's table),
// group, user, no capabilities, nothing gained by exec; then checks that root cannot be regained. Nothing to
// do when the process already is that user, as after a hand-over. Code::forbidden when it is neither root nor
// that user. An error after the first step leaves the process unfit to go on: end it.
Result<void> become(const Identity& identity);

}  // namespace onoma::os
