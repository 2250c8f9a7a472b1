#include "app/upgrade.h"

#include <csignal>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/zone_list.h"
#include "base/log.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr std::int64_t kPatienceMax = 86'400;
constexpr std::size_t kNamesShown = 5;

Result<Upgrade::Request> read_request(std::string_view text) {
  Upgrade::Request out;
  boost::system::error_code error;
  const auto document = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !document.is_object()) return fail(Code::bad_syntax, "not a JSON object");
  const auto& object = document.as_object();
  if (const auto* program = object.if_contains("program"); program != nullptr && program->is_string())
    out.program = std::string(program->as_string());
  if (const auto* force = object.if_contains("force"); force != nullptr && force->is_bool())
    out.force = force->as_bool();
  if (const auto* seconds = object.if_contains("timeout_s")) {
    if (!seconds->is_int64() || seconds->as_int64() < 1 || seconds->as_int64() > kPatienceMax)
      return fail(Code::out_of_range, "timeout_s is 1 to 86400 seconds", "timeout_s");
    out.patience = std::chrono::seconds{seconds->as_int64()};
  }
  return out;
}

}  // namespace

Result<pid_t> Upgrade::run(const Request& request) {
  if (const auto lost = zones_.applied(kNamesShown); !lost.empty() && !request.force) {
    std::string names;
    for (const auto& name : lost) names += (names.empty() ? "" : ", ") + name.text();
    return fail(Code::status_prohibits,
                fmt::format("{} serves changes from `onoma zone apply` that its file does not have; the new "
                            "program would read the file. Bring the files up to date and reload, or repeat "
                            "with --force",
                            names));
  }
  {
    std::scoped_lock lock(mutex_);
    if (at_work_) return fail(Code::unavailable, "another upgrade is at work; wait until it has ended");
    at_work_ = true;
    reload_asked_ = false;
  }
  log::info("upgrade", fmt::format("starting {}",
                                   request.program.empty() ? os::command_line().program : request.program));
  if (control_ != nullptr) control_->pause(true);
  const auto child = handover_.start(
      {.program = request.program, .patience = request.patience, .state = ZoneList::state_of(zones_)});
  bool reload = false;
  {
    std::scoped_lock lock(mutex_);
    at_work_ = false;
    reload = reload_asked_;
  }
  if (!child) {
    if (control_ != nullptr) control_->pause(false);
    log::error("upgrade", child.error().message);
    return child;
  }
  if (control_ != nullptr) control_->leave();
  os::notify_service_manager(fmt::format("MAINPID={}", *child));
  if (reload) ::kill(*child, SIGHUP);
  log::info("upgrade", fmt::format("process {} has taken over; this one finishes its connections", *child));
  stop_.leave();
  return child;
}

ControlCommand Upgrade::command() {
  return [this](std::string_view text, const os::ControlProgress& progress) -> Result<std::string> {
    ONOMA_TRY(const auto request, read_request(text));
    progress("the new program is starting");
    ONOMA_TRY(const auto child, run(request));
    return json::serialize(json::object{{"pid", child}, {"former_pid", ::getpid()}});
  };
}

void Upgrade::reload_asked() {
  std::scoped_lock lock(mutex_);
  reload_asked_ = at_work_;
}

}  // namespace onoma::app
