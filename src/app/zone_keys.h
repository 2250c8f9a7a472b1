// The keys of all zones that a server signs: their settings, their managers, and the commands of the control
// socket about them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "app/control.h"
#include "base/guarded.h"
#include "base/rng.h"
#include "base/time.h"
#include "sign/key_manager.h"

namespace onoma::app {

// One setting a word of the key policy (sign/key_policy.h), as texts.
struct KeySettings {
  std::string key_layout = "ksk+zsk", key_algorithm = "ECDSAP256SHA256";
  std::string ksk_lifetime = "never", zsk_lifetime = "never";
  std::string key_dnskey_ttl = "1h";
  std::string key_propagation = "1h", key_safety = "1h", key_max_ttl = "1d";
  std::string key_parent_propagation = "1h", key_parent_ds_ttl = "1d";
  std::string key_standby = "none", key_re_sign = "12d";
  std::string key_cds = "always", key_ds_digests = "sha256";
  bool key_manual = false;
};
struct KeyPlan {
  sign::KeyPolicy keys;
  sign::SigningPolicy signing;
};
// Errors name the setting.
Result<KeyPlan> key_plan(const KeySettings& settings);

// Any thread.
class ZoneKeys {
 public:
  // `clock` and `rng` must outlive it.
  ZoneKeys(std::string directory, KeyPlan plan, const Clock& clock, Rng& rng);

  const KeyPlan& plan() const { return plan_; }
  // One manager a zone for the life of the server; made, with its keys, when it is asked for first.
  Result<std::shared_ptr<sign::KeyManager>> of(const wire::Name& zone);
  // keys, key_roll, key_ds_seen. `changed` is called after a change: the zone's queue must be run.
  ControlCommands commands(std::function<void()> changed);

 private:
  Result<std::shared_ptr<sign::KeyManager>> known(const wire::Name& zone) const;

  const std::string directory_;
  const KeyPlan plan_;
  const Clock& clock_;
  Rng& rng_;
  Guarded<std::map<wire::Name, std::shared_ptr<sign::KeyManager>>> managers_;
};

// The report as a JSON object.
std::string keys_json(const sign::KeyReport& report);

}  // namespace onoma::app
