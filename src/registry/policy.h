// Policy, one function a command, in a file per object: decides and writes through `work`. Called on the
// writing thread. An error means refused; what was written before it is undone by the caller.
#pragma once

#include "registry/work.h"

namespace onoma::registry {

Result<void> apply(Work& work, const model::TldCreate& command);
Result<void> apply(Work& work, const model::TldUpdate& command);
Result<void> apply(Work& work, const model::TldDelete& command);
Result<void> apply(Work& work, const model::RegistrarCreate& command);
Result<void> apply(Work& work, const model::RegistrarUpdate& command);
Result<void> apply(Work& work, const model::RegistrarDelete& command);
Result<void> apply(Work& work, const model::ContactCreate& command);
Result<void> apply(Work& work, const model::ContactUpdate& command);
Result<void> apply(Work& work, const model::ContactErase& command);
Result<void> apply(Work& work, const model::ContactDelete& command);
Result<void> apply(Work& work, const model::HostCreate& command);
Result<void> apply(Work& work, const model::HostUpdate& command);
Result<void> apply(Work& work, const model::HostDelete& command);
Result<void> apply(Work& work, const model::DomainCreate& command);
Result<void> apply(Work& work, const model::DomainUpdate& command);
Result<void> apply(Work& work, const model::DomainDelete& command);
Result<void> apply(Work& work, const model::IdentifierCreate& command);
Result<void> apply(Work& work, const model::IdentifierUpdate& command);
Result<void> apply(Work& work, const model::IdentifierDelete& command);
Result<void> apply(Work& work, const model::Import& command);

}  // namespace onoma::registry
