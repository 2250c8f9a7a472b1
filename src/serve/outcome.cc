#include "serve/outcome.h"

namespace onoma::serve {

std::size_t Outcome::encloser_labels() const {
  return is_quick() ? quick.labels : found.encloser_labels;
}

ResponseClass Outcome::response_class(const wire::Query& query) const {
  if (is_quick())
    return quick.kind == zone::Quick::Kind::referral ? ResponseClass::referral : ResponseClass::nxdomain;
  const bool at_cut = found.cut && wire::equal(found.cut->owner(), query.qname());
  if (found.cut && !(at_cut && query.qtype == wire::RRType::DS)) return ResponseClass::referral;
  if (found.dname) return ResponseClass::wildcard;  // any name below gives the same
  if (found.exact) return ResponseClass::positive;
  if (found.exists) return ResponseClass::nodata;
  return found.wildcard || found.wildcard_is_empty ? ResponseClass::wildcard : ResponseClass::nxdomain;
}

}  // namespace onoma::serve
