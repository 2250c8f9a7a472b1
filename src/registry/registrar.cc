// Registrars and their tokens. A token is shown once; the store keeps a salted hash in a table of its own.
#include <fmt/format.h>

#include "crypto/secret.h"
#include "registry/checks.h"
#include "registry/policy.h"

namespace onoma::registry {
namespace {

Result<void> check(model::Registrar& registrar) {
  ONOMA_TRY_VOID(check_id(registrar.id));
  if (registrar.name.size() > 255)
    return fail(Code::out_of_range, "a registrar's name has at most 255 octets", "name");
  std::set<std::string> tlds;
  for (const auto& text : registrar.tlds) {
    auto name = Name::parse(text);
    if (!name || text.empty())
      return fail(Code::bad_syntax, fmt::format("\"{}\" is no domain name", text), "tlds");
    tlds.insert(model::name_text(name->lower()));
  }
  registrar.tlds = std::move(tlds);
  return {};
}

Result<void> give_token(Work& work, const std::string& id) {
  // The id in front tells whose hash to compare with.
  auto token = id + "." + crypto::new_token(work.rng);
  ONOMA_TRY_VOID(work.transaction.put_registrar_token(id, crypto::hash_token(token, work.rng)));
  work.outcome.secret = std::move(token);
  return {};
}

}  // namespace

Result<void> apply(Work& work, const model::RegistrarCreate& command) {
  ONOMA_TRY_VOID(work.need_operator());
  auto registrar = command.registrar;
  ONOMA_TRY_VOID(check(registrar));
  ONOMA_TRY(auto present, work.reader.registrar(registrar.id));
  if (present)
    return fail(Code::exists, fmt::format("the registrar \"{}\" exists already", registrar.id), "id");
  ONOMA_TRY_VOID(work.need_revision(nullptr));
  registrar.origin = {};
  ONOMA_TRY_VOID(work.put<model::Registrar>(registrar, nullptr));
  ONOMA_TRY_VOID(give_token(work, registrar.id));
  work.show(registrar);
  return {};
}

Result<void> apply(Work& work, const model::RegistrarUpdate& command) {
  auto registrar = command.registrar;
  ONOMA_TRY(auto before, work.reader.registrar(registrar.id));
  bool own = registrar.id == work.actor.id;
  if (!own) ONOMA_TRY_VOID(work.need_operator());
  if (!before) return fail(Code::not_found, fmt::format("there is no registrar \"{}\"", registrar.id), "id");
  ONOMA_TRY_VOID(work.need_revision(&before->origin));
  ONOMA_TRY_VOID(check(registrar));
  if (!work.is_operator() && (registrar.role != before->role || registrar.tlds != before->tlds ||
                              registrar.enabled != before->enabled))
    return fail(Code::forbidden,
                "only an operator changes a registrar's role, zones and permission to log in");
  if (own && work.is_operator() && (registrar.role != model::Role::operator_ || !registrar.enabled))
    return fail(Code::policy_refused,
                "an operator cannot take the rights from himself; ask another operator");
  ONOMA_TRY_VOID(work.put(registrar, &*before, command.new_token));
  if (command.new_token) ONOMA_TRY_VOID(give_token(work, registrar.id));
  work.show(registrar);
  return {};
}

Result<void> apply(Work& work, const model::RegistrarDelete& command) {
  ONOMA_TRY_VOID(work.need_operator());
  ONOMA_TRY(auto registrar, work.reader.registrar(command.id));
  if (!registrar) return fail(Code::not_found, fmt::format("there is no registrar \"{}\"", command.id), "id");
  ONOMA_TRY_VOID(work.need_revision(&registrar->origin));
  if (registrar->id == work.actor.id)
    return fail(Code::policy_refused, "a registrar cannot delete itself", "id");
  ONOMA_TRY(bool sponsors, work.reader.any_object_of(registrar->id));
  if (sponsors)
    return fail(Code::association_prohibits, "the registrar sponsors objects; disable it instead", "id");
  return work.erase(*registrar);
}

}  // namespace onoma::registry
