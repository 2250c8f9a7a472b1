// What the look-up of one question gave, before an answer is made of it, and what the limiter and the
// statistics want to know of that. Inside of the room `serve`.
#pragma once

#include "serve/limiter.h"
#include "wire/message.h"
#include "zone/snapshot.h"

namespace onoma::serve {

struct Outcome {
  zone::Quick quick;  // kind other: `found` says it, too
  zone::Lookup found;

  bool is_quick() const { return quick.kind != zone::Quick::Kind::other; }
  // Labels of the closest encloser, or of the cut or DNAME that was met.
  std::size_t encloser_labels() const;
  ResponseClass response_class(const wire::Query& query) const;
};

}  // namespace onoma::serve
