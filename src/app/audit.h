// The audit of both servers: publish's walk through what is served, with the gate's check.
#pragma once

#include <cstdint>
#include <memory>

#include "gate/gate.h"
#include "publish/auditor.h"

namespace onoma::app {

struct AuditSettings {
  bool audit = true;
  std::int64_t audit_rest_s = 600, audit_margin_s = 259'200;
};

// `how` says what a zone must be; signatures that expire within the margin are a problem too. Not started.
std::unique_ptr<publish::Auditor> make_auditor(publish::NextServed next, gate::GateOptions how,
                                               const AuditSettings& settings, os::JobPool& pool,
                                               const Clock& clock);

}  // namespace onoma::app
