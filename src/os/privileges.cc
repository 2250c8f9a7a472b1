#include "os/privileges.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fd.h"

namespace onoma::os {
namespace {

template <class Id>
bool is_number(std::string_view text, Id& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

constexpr std::size_t kEntryMax = 1U << 20;

// Calls `look(buffer)` with a larger and larger buffer; it returns an errno value.
template <class Look>
int with_buffer(const Look& look) {
  std::vector<char> buffer(4096);
  int error = ERANGE;
  while ((error = look(buffer)) == ERANGE && buffer.size() < kEntryMax) buffer.resize(buffer.size() * 2);
  return error;
}

Result<gid_t> find_group(const std::string& text) {
  gid_t id = 0;
  if (is_number(text, id)) return id;
  bool found = false;
  const int error = with_buffer([&](std::vector<char>& buffer) {
    group entry{};
    group* result = nullptr;
    const int failed = ::getgrnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &result);
    if (result != nullptr) {
      id = result->gr_gid;
      found = true;
    }
    return failed;
  });
  if (found) return id;
  return fail(Code::not_found, fmt::format("there is no group {}{}; make it with `groupadd --system {}`",
                                           text, error != 0 ? " (" + errno_text(error) + ")" : "", text));
}

std::unexpected<Error> no_change(std::string_view what) {
  return io_failure(fmt::format("cannot give up root: {}", what), errno);
}

// Every capability gone from the permitted, effective and inheritable sets.
bool has_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return true;
  for (const auto& part : data)
    if (part.effective != 0 || part.permitted != 0) return true;
  return false;
}

}  // namespace

Result<Identity> find_identity(const std::string& text) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  Identity out{.name = text};
  bool found = false;
  uid_t number = 0;
  const bool by_number = is_number(name, number);
  if (name.empty()) return fail(Code::bad_syntax, "a user is given as NAME or NAME:GROUP");
  with_buffer([&](std::vector<char>& buffer) {
    passwd entry{};
    passwd* result = nullptr;
    const int failed = by_number ? ::getpwuid_r(number, &entry, buffer.data(), buffer.size(), &result)
                                 : ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &result);
    if (result != nullptr) {
      out.user = result->pw_uid;
      out.group = result->pw_gid;
      found = true;
    }
    return failed;
  });
  const bool own_group = colon == std::string::npos;
  if (!found && by_number && !own_group) {
    out.user = number;
    found = true;
  }
  if (!found)
    return fail(Code::not_found,
                fmt::format("there is no user {}; make it with `useradd --system {}`", name, name));
  if (!own_group) {
    ONOMA_TRY(out.group, find_group(text.substr(colon + 1)));
  }
  if (out.user == 0)
    return fail(Code::out_of_range,
                "the user to go on as must not be root; leave the option away to stay root");
  return out;
}

Result<void> become(const Identity& identity) {
  if (::geteuid() == identity.user && ::getuid() == identity.user && ::getegid() == identity.group) {
    if (::setuid(0) == 0)
      return fail(Code::internal, "root could be regained as another user; this must not happen");
    return {};
  }
  if (::geteuid() != 0)
    return fail(
        Code::forbidden,
        fmt::format("only root can go on as another user ({}); this process runs as user {}. Start it "
                    "as root, or as that user and without the option",
                    identity.name, ::geteuid()));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return no_change("no_new_privs");
  const auto colon = identity.name.find(':');
  const auto name = identity.name.substr(0, colon);
  // A user that is only a number has no entry, and so no further groups.
  if (::initgroups(name.c_str(), identity.group) != 0 && ::setgroups(1, &identity.group) != 0)
    return no_change("the groups");
  if (::setresgid(identity.group, identity.group, identity.group) != 0) return no_change("the group");
  if (::setresuid(identity.user, identity.user, identity.user) != 0) return no_change("the user");
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (::getresuid(&real, &effective, &saved) != 0 || real != identity.user || effective != identity.user ||
      saved != identity.user || ::setuid(0) == 0 || ::seteuid(0) == 0 || has_capabilities())
    return fail(Code::internal, "root was not given up altogether; refusing to go on");
  return {};
}

}  // namespace onoma::os
