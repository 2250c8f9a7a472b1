// What `onoma serve --demo` operates: test. and 测试. with identifiers below id.test., and a few objects of
// every kind, so that each example of the README works as typed. Made with the same commands that anybody
// uses.
#pragma once

#include <string>

#include "base/rng.h"
#include "base/time.h"
#include "model/ports.h"

namespace onoma::app {

// Does nothing when the registry operates a zone already. `actor` is the operator's registrar id.
Result<void> fill_demo(model::CommandPort& registry, model::ReaderSource& readers, const std::string& actor,
                       const Clock& clock, Rng& rng);

// What a newcomer can type next.
std::string demo_hints(const std::string& dns, const std::string& http);

}  // namespace onoma::app
