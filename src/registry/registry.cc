#include "registry/registry.h"

#include <chrono>
#include <exception>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"
#include "crypto/secret.h"
#include "os/thread.h"
#include "registry/policy.h"

namespace onoma::registry {
namespace {

constexpr std::size_t kMaxKeyOctets = 128;
constexpr auto kRememberOutcomes = std::chrono::hours(24);
constexpr auto kForgetEvery = std::chrono::minutes(10);
constexpr auto kIdle = std::chrono::milliseconds(500);

// Errors after which nothing more is tried in the same transaction.
bool is_fatal(const Error& error) {
  return error.code == Code::io || error.code == Code::corrupt;
}

}  // namespace

Result<std::unique_ptr<Registry>> Registry::open(Options options, const Clock& clock, Rng& rng) {
  ONOMA_TRY(auto store, store::open_sqlite(options.store));
  return std::unique_ptr<Registry>(new Registry(std::move(options), std::move(store), clock, rng));
}

Registry::Registry(Options options, std::unique_ptr<store::Store> store, const Clock& clock, Rng& rng)
    : options_(std::move(options)), store_(std::move(store)), clock_(clock), rng_(rng) {
  thread_ = os::start_thread({"registry", -1, 0}, [this] { serve_queue(); });
}

Registry::~Registry() {
  {
    std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Registry::submit(model::Command command, model::Context context, Done done) {
  enqueue({std::move(command), std::move(context), std::move(done)});
}

void Registry::enqueue(Item item) {
  {
    std::unique_lock lock(mutex_);
    if (!stop_ && waiting_.size() < options_.waiting_max) {
      waiting_.push_back(std::move(item));
      lock.unlock();
      wake_.notify_one();
      return;
    }
  }
  item.done(fail(Code::overloaded, "too many commands are waiting; try again"));
}

void Registry::serve_queue() {
  bool idle_done = true;
  std::unique_lock lock(mutex_);
  for (;;) {
    auto ready = [this] { return stop_ || !waiting_.empty(); };
    if (idle_done) {
      wake_.wait(lock, ready);
    } else if (!wake_.wait_for(lock, kIdle, ready)) {
      lock.unlock();
      store_->when_idle();
      lock.lock();
      idle_done = true;
      continue;
    }
    if (waiting_.empty()) return;
    std::vector<Item> batch;
    while (!waiting_.empty() && batch.size() < options_.batch_max) {
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    lock.unlock();
    carry_out(std::move(batch));
    idle_done = false;
    lock.lock();
  }
}

void Registry::carry_out(std::vector<Item> batch) {
  std::vector<std::optional<Result<model::Outcome>>> results(batch.size());
  std::optional<Error> broken;
  std::uint64_t last_seq = 0, events = 0;
  if (auto transaction = store_->begin(); !transaction) {
    broken = std::move(transaction).error();
  } else {
    bool wrote = false;
    for (std::size_t i = 0; i < batch.size() && !broken; ++i) {
      results[i] = execute(**transaction, batch[i], wrote);
      const auto& result = *results[i];
      if (!result && (is_fatal(result.error()) || !(*transaction)->alive()))
        broken = result.error();
      else if (result && result->seq && !result->repeated)
        last_seq = result->seq, ++events;
    }
    if (!broken && wrote) {
      forget_old(**transaction, wrote);
      if (auto done = (*transaction)->commit(); !done) broken = std::move(done).error();
    }
  }
  if (broken) {
    // Everything is undone. A command that cannot be stored must not take others with it: each is tried
    // alone.
    zones_.forget();
    if (batch.size() > 1) {
      for (auto& item : batch) {
        std::vector<Item> one;
        one.push_back(std::move(item));
        carry_out(std::move(one));
      }
      return;
    }
    log::error("registry", broken->message);
  } else if (events) {
    add(Metric::onoma_commits_total);
    add(Metric::onoma_events_total, events);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Result<model::Outcome> result =
        broken ? Result<model::Outcome>(std::unexpected(*broken)) : *std::move(results[i]);
    add(result ? Metric::onoma_commands_total : Metric::onoma_commands_refused_total);
    batch[i].done(std::move(result));
  }
  if (broken || events == 0) return;
  std::function<void(std::uint64_t)> listener;
  {
    std::scoped_lock lock(mutex_);
    listener = listener_;
  }
  if (listener) listener(last_seq);
}

void Registry::forget_old(store::WriteTransaction& transaction, bool&) {
  auto now = clock_.now();
  if (forgotten_ && now < *forgotten_ + kForgetEvery) return;
  forgotten_ = now;
  if (auto done = transaction.forget_before(now - kRememberOutcomes); !done)
    log::warning("registry", done.error().message);
}

Result<model::Outcome> Registry::execute(store::WriteTransaction& transaction, Item& item, bool& wrote) {
  ONOMA_TRY_VOID(transaction.savepoint());
  Result<model::Outcome> result = fail(Code::internal, "the command was not carried out");
  bool changed = false;
  try {
    result = decide(transaction, item, changed);
  } catch (const std::exception& problem) {
    log::error("registry", fmt::format("{}: {}", model::command_name(item.command), problem.what()));
    result = fail(Code::internal, "the command met a fault of this program and was not carried out");
  }
  if (!transaction.alive())
    return result ? fail(Code::io, "the database gave up the transaction") : std::move(result);
  if (result) {
    ONOMA_TRY_VOID(transaction.release());
    wrote |= changed;
  } else {
    zones_.forget();
    ONOMA_TRY_VOID(transaction.roll_back_to_savepoint());
  }
  return result;
}

Result<model::Outcome> Registry::decide(store::WriteTransaction& transaction, Item& item, bool& wrote) {
  auto& reader = transaction.reader();
  auto& context = item.context;
  model::Registrar actor;
  if (item.first_operator) {
    actor.id = context.actor;
    actor.role = model::Role::operator_;
    ONOMA_TRY(auto page, reader.registrars({}, 1));
    if (!page.items.empty()) return model::Outcome{};
  } else {
    ONOMA_TRY(auto found, reader.registrar(context.actor));
    if (!found)
      return fail(Code::unauthenticated, fmt::format("there is no registrar \"{}\"", context.actor));
    if (!found->enabled)
      return fail(Code::forbidden, fmt::format("the registrar \"{}\" is disabled", context.actor));
    actor = *std::move(found);
  }
  auto now = clock_.now();
  if (context.idempotency_key.size() > kMaxKeyOctets)
    return fail(Code::out_of_range, fmt::format("an idempotency key has at most {} octets", kMaxKeyOctets),
                "idempotency_key");
  if (!context.idempotency_key.empty()) {
    ONOMA_TRY(auto past, reader.past_command(actor.id, context.idempotency_key));
    if (past && past->outcome.committed + kRememberOutcomes > now) {
      if (past->digest != context.request_digest)
        return fail(Code::idempotency_conflict,
                    "this idempotency key was used for another request; take a new one", "idempotency_key");
      past->outcome.repeated = true;
      return std::move(past->outcome);
    }
  }
  ONOMA_TRY_VOID(zones_.refresh(reader));
  for (auto* hook : hooks_) ONOMA_TRY_VOID(hook->before(item.command, context, reader));

  Work work{transaction, reader, zones_, context, actor, now, rng_};
  ONOMA_TRY_VOID(std::visit([&](const auto& command) { return apply(work, command); }, item.command));
  work.outcome.committed = now;
  if (!work.event.changes.empty()) {
    work.event.id = context.id == Id128{} ? Id128::make(now, rng_) : context.id;
    work.event.time = now;
    work.event.actor = actor.id;
    work.event.command = model::command_name(item.command);
    if (auto appended = transaction.append_event(work.event); !appended) {
      if (appended.error().code == Code::exists)
        return fail(Code::exists,
                    "an event with this id exists already; every command needs an id of its own");
      return std::unexpected(std::move(appended).error());
    }
    work.outcome.seq = work.event.seq;
    work.outcome.id = work.event.id;
    wrote = true;
  }
  if (!context.idempotency_key.empty()) {
    store::PastCommand past{context.request_digest, work.outcome};
    past.outcome.secret.clear();
    ONOMA_TRY_VOID(transaction.remember(actor.id, context.idempotency_key, past, now));
    wrote = true;
  }
  return std::move(work.outcome);
}

Result<model::Registrar> Registry::authenticate(std::string_view token) {
  auto refused = [] { return fail(Code::unauthenticated, "the token is not valid"); };
  auto dot = token.rfind('.');
  if (dot == std::string_view::npos || token.size() > 256) return refused();
  ONOMA_TRY(auto reader, store_->open_reader());
  ONOMA_TRY(auto hash, reader->registrar_token(token.substr(0, dot)));
  if (!hash || !crypto::verify_secret(*hash, token)) return refused();
  ONOMA_TRY(auto registrar, reader->registrar(token.substr(0, dot)));
  if (!registrar || !registrar->enabled) return refused();
  return *std::move(registrar);
}

Result<std::optional<std::string>> Registry::bootstrap_operator(std::string_view id) {
  model::RegistrarCreate command;
  command.registrar.id = id;
  command.registrar.name = "Operator";
  command.registrar.role = model::Role::operator_;
  model::Context context;
  context.actor = id;
  std::mutex mutex;
  std::condition_variable ready;
  std::optional<Result<model::Outcome>> outcome;
  enqueue({std::move(command), std::move(context),
           [&](Result<model::Outcome> result) {
             std::scoped_lock lock(mutex);
             outcome = std::move(result);
             ready.notify_one();
           },
           true});
  std::unique_lock lock(mutex);
  ready.wait(lock, [&] { return outcome.has_value(); });
  ONOMA_TRY(auto made, *std::move(outcome));
  if (made.secret.empty()) return std::optional<std::string>();
  return std::optional<std::string>(std::move(made.secret));
}

}  // namespace onoma::registry
