#include "registry/work.h"

#include <fmt/format.h>

namespace onoma::registry {
namespace {

using model::ObjectKind;

constexpr ObjectKind kind_of(const model::Tld&) {
  return ObjectKind::tld;
}
constexpr ObjectKind kind_of(const model::Registrar&) {
  return ObjectKind::registrar;
}
constexpr ObjectKind kind_of(const model::Contact&) {
  return ObjectKind::contact;
}
constexpr ObjectKind kind_of(const model::Host&) {
  return ObjectKind::host;
}
constexpr ObjectKind kind_of(const model::Domain&) {
  return ObjectKind::domain;
}
constexpr ObjectKind kind_of(const model::Identifier&) {
  return ObjectKind::identifier;
}

// By ObjectKind.
constexpr std::string_view kRoidLetters = "TRCHDI";

}  // namespace

std::string key_of(const model::Tld& object) {
  return model::name_text(object.name);
}
std::string key_of(const model::Registrar& object) {
  return object.id;
}
std::string key_of(const model::Contact& object) {
  return object.id;
}
std::string key_of(const model::Host& object) {
  return model::name_text(object.name);
}
std::string key_of(const model::Domain& object) {
  return model::name_text(object.name);
}
std::string key_of(const model::Identifier& object) {
  return object.scheme + ":" + object.canonical;
}

Result<void> Work::need_operator() const {
  if (is_operator()) return {};
  return fail(Code::forbidden, "only an operator of the registry may do this");
}

Result<void> Work::need_grant(const model::Tld& tld) const {
  if (is_operator() || actor.tlds.contains(model::name_text(tld.name))) return {};
  return fail(Code::forbidden,
              fmt::format("{} may not register in the zone \"{}\"; ask the operator for a grant", actor.id,
                          model::name_text(tld.name)));
}

Result<void> Work::need_sponsor(const model::Origin& origin) const {
  if (is_operator() || origin.sponsor == actor.id) return {};
  return fail(Code::forbidden, "the object is sponsored by another registrar");
}

Result<void> Work::need_revision(const model::Origin* origin) const {
  if (!context.expected_revision) return {};
  auto actual = origin ? origin->revision : 0;
  if (*context.expected_revision == actual) return {};
  return fail(Code::revision_conflict,
              fmt::format("the object has revision {}, not {}; read it again and decide anew", actual,
                          *context.expected_revision));
}

template <class T>
Result<void> Work::put(T& after, const T* before, bool even_if_same) {
  std::string old;
  if (before) {
    after.origin = before->origin;
    old = model::to_json(*before);
    if (!even_if_same && model::to_json(after) == old) return {};
    ++after.origin.revision;
  } else {
    ONOMA_TRY(auto number, transaction.next_roid());
    after.origin.roid =
        fmt::format("{}{}-ONOMA", kRoidLetters[static_cast<std::size_t>(kind_of(after))], number);
    if (after.origin.sponsor.empty()) after.origin.sponsor = actor.id;
    after.origin.created_by = actor.id;
    after.origin.created = now;
    after.origin.revision = 1;
  }
  after.origin.updated_by = actor.id;
  after.origin.updated = now;
  auto json = model::to_json(after);
  ONOMA_TRY_VOID(transaction.put(after, before, json));
  event.changes.push_back({kind_of(after), key_of(after), std::move(old), std::move(json)});
  return {};
}

template <class T>
Result<void> Work::erase(const T& object) {
  ONOMA_TRY_VOID(transaction.erase(object));
  event.changes.push_back({kind_of(object), key_of(object), model::to_json(object), {}});
  return {};
}

#define ONOMA_INSTANTIATE(T)                                         \
  template Result<void> Work::put(model::T&, const model::T*, bool); \
  template Result<void> Work::erase(const model::T&);
ONOMA_INSTANTIATE(Tld)
ONOMA_INSTANTIATE(Registrar)
ONOMA_INSTANTIATE(Contact)
ONOMA_INSTANTIATE(Host)
ONOMA_INSTANTIATE(Domain)
ONOMA_INSTANTIATE(Identifier)
#undef ONOMA_INSTANTIATE

}  // namespace onoma::registry
