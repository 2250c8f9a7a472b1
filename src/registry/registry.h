// The registry: commands → policy → objects and exactly one event each, in one order. It owns the store and
// the one writing thread. Commands that wait at the same time share one COMMIT; each runs in a savepoint of
// its own, so that a refusal undoes nobody else's work, and nobody hears "done" before the COMMIT that
// contains his change.
//
// All public functions are thread-safe, unless they say otherwise.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "model/ports.h"
#include "registry/zones.h"
#include "store/store.h"

namespace onoma::registry {

struct Options {
  store::Options store;
  std::size_t batch_max = 256;       // commands in one COMMIT
  std::size_t waiting_max = 65'536;  // further ones are refused as overloaded
};

class Registry final : public model::CommandPort, public model::Authenticator, public model::ReaderSource {
 public:
  // `clock` and `rng` must outlive the registry; they are used on its thread only (`clock` must be
  // thread-safe if others use it too).
  static Result<std::unique_ptr<Registry>> open(Options options, const Clock& clock, Rng& rng);
  // Carries out what waits, then stops.
  ~Registry() override;

  // `done` is called on the writing thread; when the queue is full or the registry stops, on the caller's.
  void submit(model::Command command, model::Context context, Done done) override;

  // Tokens have the form "<registrar id>.<secret>".
  Result<model::Registrar> authenticate(std::string_view token) override;

  Result<std::unique_ptr<model::ObjectReader>> open() override { return store_->open(); }

  // Makes the first registrar, an operator, and returns its token; nullopt if there is a registrar already.
  Result<std::optional<std::string>> bootstrap_operator(std::string_view id);

  // The fields of a contact, for those who may see them; deciding that is the caller's. gone: it was erased.
  Result<model::ContactFields> open_contact(const model::Contact& contact);

  // Before the first command. `hook` must outlive the registry.
  void add_hook(model::CommandHook& hook) { hooks_.push_back(&hook); }
  // Called on the writing thread after each COMMIT with new events, after the `done` callbacks; it must
  // return quickly, and outlive the registry.
  void set_commit_listener(std::function<void(std::uint64_t last_seq)> listener) {
    std::scoped_lock lock(mutex_);
    listener_ = std::move(listener);
  }

 private:
  struct Item {
    model::Command command;
    model::Context context;
    Done done;
    bool first_operator = false;  // carried out without asking for rights
  };

  Registry(Options options, std::unique_ptr<store::Store> store, const Clock& clock, Rng& rng);
  void enqueue(Item item);
  void serve_queue();
  void carry_out(std::vector<Item> batch);
  Result<model::Outcome> execute(store::WriteTransaction& transaction, Item& item, bool& wrote);
  Result<model::Outcome> decide(store::WriteTransaction& transaction, Item& item, bool& wrote);
  void forget_old(store::WriteTransaction& transaction, bool& wrote);

  Options options_;
  std::unique_ptr<store::Store> store_;
  const Clock& clock_;
  Rng& rng_;
  std::vector<model::CommandHook*> hooks_;

  Zones zones_;                    // writing thread only
  std::optional<Time> forgotten_;  // when old outcomes were last cleared; writing thread only

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> waiting_;
  std::function<void(std::uint64_t)> listener_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace onoma::registry
