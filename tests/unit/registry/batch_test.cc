// Many commands at once: one order, one event each, nobody disturbed by another's refusal, nothing
// acknowledged that a crash could take away.
#include <algorithm>
#include <csignal>
#include <latch>
#include <random>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>

#include "base/guarded.h"
#include "fixture.h"

namespace onoma::registry {
namespace {

using BatchTest = RegistryTest;

TEST_F(BatchTest, AThousandAtOnceGiveAThousandEventsInOneOrder) {
  constexpr int kThreads = 4, kEach = 250;
  auto first = reader()->last_seq();
  std::latch done(kThreads * kEach);
  Guarded<std::map<std::uint64_t, std::string>> by_seq;
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> told = 0;
  std::atomic<int> wrong_order = 0;
  registry_->set_commit_listener([&](std::uint64_t seq) {
    if (told.exchange(seq) >= seq) ++wrong_order;
  });
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        auto text = "d" + std::to_string(t * kEach + i) + ".test";
        model::Context context;
        context.actor = i % 2 ? "alpha" : "beta";
        registry_->submit(domain(text), context, [&, text](Result<model::Outcome> outcome) {
          if (outcome) by_seq.with([&](auto& all) { all[outcome->seq] = text; });
          // What is acknowledged can be read at once.
          EXPECT_TRUE(*reader()->domain(name(text)));
          done.count_down();
        });
      }
    });
  for (auto& thread : threads) thread.join();
  done.wait();
  auto view = reader();
  EXPECT_EQ(view->last_seq(), first + kThreads * kEach);
  by_seq.with([&](auto& all) {
    ASSERT_EQ(all.size(), std::size_t{kThreads * kEach});
    EXPECT_EQ(all.begin()->first, first + 1);
    EXPECT_EQ(all.rbegin()->first, first + kThreads * kEach);
    for (const auto& [seq, text] : all) EXPECT_EQ(*view->last_event_of(model::ObjectKind::domain, text), seq);
  });
  EXPECT_EQ(wrong_order, 0);
  registry_.reset();  // its thread calls the listener, which uses this frame
  EXPECT_EQ(told, first + kThreads * kEach);
}

TEST_F(BatchTest, OneRefusalDisturbsNobody) {
  std::latch done(300);
  std::atomic<int> good = 0, refused_count = 0;
  for (int i = 0; i < 300; ++i) {
    model::Context context;
    context.actor = "alpha";
    auto create = domain("n" + std::to_string(i) + ".test", {"ns" + std::to_string(i) + ".invalid"});
    if (i % 3 == 0) create.ds = {ds(), ds(1)};
    if (i % 3 == 1) create.name_servers.push_back("no.host.test");  // refused after its first host was made
    registry_->submit(create, context, [&](Result<model::Outcome> outcome) {
      ++(outcome ? good : refused_count);
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(good, 100);
  EXPECT_EQ(refused_count, 200);
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ((*reader()->domain(name("n" + std::to_string(i) + ".test"))).has_value(), i % 3 == 2) << i;
    EXPECT_EQ((*reader()->host(name("ns" + std::to_string(i) + ".invalid"))).has_value(), i % 3 == 2) << i;
  }
}

TEST_F(BatchTest, OfTwoThatSawTheSameRevisionOneWins) {
  must(domain("a.test"));
  std::latch done(20);
  std::atomic<int> won = 0, conflicts = 0;
  for (int i = 0; i < 20; ++i) {
    model::Context context;
    context.actor = "alpha";
    context.expected_revision = 1;
    model::DomainUpdate update;
    update.name = "a.test";
    update.name_servers = std::vector<std::string>{"ns" + std::to_string(i) + ".invalid"};
    registry_->submit(update, context, [&](Result<model::Outcome> outcome) {
      if (outcome) ++won;
      if (!outcome && outcome.error().code == Code::revision_conflict) ++conflicts;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(conflicts, 19);
}

TEST_F(BatchTest, OneNameIsGivenOnce) {
  std::latch done(50);
  std::atomic<int> won = 0, taken = 0;
  for (int i = 0; i < 50; ++i) {
    model::Context context;
    context.actor = i % 2 ? "alpha" : "beta";
    registry_->submit(domain("wanted.test"), context, [&](Result<model::Outcome> outcome) {
      if (outcome) ++won;
      if (!outcome && outcome.error().code == Code::exists) ++taken;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(taken, 49);
}

TEST_F(BatchTest, ARetryGetsTheEarlierOutcome) {
  model::Context context;
  context.idempotency_key = "k1";
  context.request_digest = "d1";
  auto first = *run(domain("a.test"), "alpha", context);
  auto again = run(domain("a.test"), "alpha", context);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->seq, first.seq);
  EXPECT_EQ(again->object, first.object);
  EXPECT_EQ(reader()->last_seq(), first.seq);
  context.request_digest = "d2";
  EXPECT_EQ(run(domain("b.test"), "alpha", context).error().code, Code::idempotency_conflict);
  // Another registrar's keys are his own, and after a day a key is new again.
  EXPECT_TRUE(run(domain("b.test"), "beta", context));
  clock_.advance(std::chrono::hours(25));
  EXPECT_TRUE(run(domain("c.test"), "alpha", context));
  context.idempotency_key = std::string(129, 'k');
  EXPECT_EQ(run(domain("d.test"), "alpha", context).error().code, Code::out_of_range);
}

struct NoSwearing final : model::CommandHook {
  Result<void> before(const model::Command& command, const model::Context&,
                      model::ObjectReader& view) override {
    EXPECT_GT(view.last_seq(), 0U);
    const auto* create = std::get_if<model::DomainCreate>(&command);
    if (create && create->name.starts_with("damn"))
      return fail(Code::policy_refused, "not this word", "name");
    return {};
  }
};

TEST_F(BatchTest, EveryHookMustAgree) {
  NoSwearing hook;
  registry_->add_hook(hook);
  refused(Code::policy_refused, "name", domain("damn.test"));
  must(domain("nice.test"));
  registry_.reset();
}

// The objects that the events tell are the objects in the tables.
TEST_F(BatchTest, TheFoldOfAllEventsIsTheTables) {
  std::mt19937 random(7);
  auto pick = [&](int n) { return std::to_string(random() % static_cast<unsigned>(n)); };
  int carried_out = 0;
  for (int i = 0; i < 600; ++i) {
    auto text = "d" + pick(20) + ".test";
    std::string who = random() % 2 ? "alpha" : "beta";
    auto outcome = [&]() -> Result<model::Outcome> {
      switch (random() % 8) {
        case 0:
          return run(domain(text, {"ns" + pick(5) + ".invalid"}), who);
        case 1: {
          auto create = domain(text, {"ns." + text});
          create.glue = {{"ns." + text, {"192.0.2." + pick(200)}}};
          return run(create, who);
        }
        case 2:
          return run(model::DomainDelete{text}, who);
        case 3:
          return run(model::HostUpdate{"ns." + text, {"192.0.2." + pick(200)}, {}}, who);
        case 4: {
          model::DomainUpdate update;
          update.name = text;
          update.name_servers =
              std::vector<std::string>{"ns.d" + pick(20) + ".test", "ns" + pick(5) + ".invalid"};
          return run(update, who);
        }
        case 5:
          return run(model::IdentifierCreate{"10.1000/" + pick(10), "hdl", {}}, who);
        case 6:
          return run(model::IdentifierDelete{"10.1000/" + pick(10), "hdl"}, who);
        default: {
          model::Import import;
          import.tld = name("test");
          import.delegations = {{name(text), {name("ns." + text)}, 60, {}, 0, random() % 2 == 0}};
          return run(import, "operator");
        }
      }
    }();
    carried_out += outcome && outcome->seq;
  }
  EXPECT_GT(carried_out, 100);

  auto view = reader();
  std::map<std::pair<model::ObjectKind, std::string>, std::string> folded, stored;
  std::uint64_t seq = 0;
  while (seq < view->last_seq()) {
    auto events = *view->events_after(seq, 100);
    for (const auto& event : events) {
      ASSERT_EQ(event.seq, ++seq);
      for (const auto& change : event.changes) {
        auto& now = folded[{change.kind, change.key}];
        EXPECT_EQ(now, change.before) << change.key << " at " << seq;
        now = change.after;
      }
    }
  }
  std::erase_if(folded, [](const auto& entry) { return entry.second.empty(); });
  auto keep = [&](model::ObjectKind kind, const std::string& key, std::string json) {
    stored[{kind, key}] = std::move(json);
  };
  auto zones = *view->tlds();
  for (const auto& o : zones) keep(model::ObjectKind::tld, model::name_text(o.name), to_json(o));
  auto registrars = *view->registrars({}, 1'000);
  for (const auto& o : registrars.items) keep(model::ObjectKind::registrar, o.id, to_json(o));
  auto identifiers = *view->identifiers({}, 1'000);
  for (const auto& o : identifiers.items)
    keep(model::ObjectKind::identifier, o.scheme + ":" + o.canonical, to_json(o));
  std::string after;
  do {
    auto page = *view->domains(after, 3);
    for (const auto& o : page.items) keep(model::ObjectKind::domain, model::name_text(o.name), to_json(o));
    after = page.next;
  } while (!after.empty());
  do {
    auto page = *view->hosts(after, 3);
    for (const auto& o : page.items) keep(model::ObjectKind::host, model::name_text(o.name), to_json(o));
    after = page.next;
  } while (!after.empty());
  EXPECT_EQ(folded, stored);
  // The links agree with the objects.
  auto domains = *view->domains({}, 1'000);
  for (const auto& o : domains.items)
    for (const auto& host : o.name_servers) {
      auto users = *view->domains_using(host, 1'000);
      EXPECT_NE(std::ranges::find(users, o.name), users.end());
    }
}

TEST_F(BatchTest, WhatWasAcknowledgedOutlivesAKill) {
  registry_.reset();
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    store::Options options;
    options.path = folder_.file();
    SystemClock clock;
    auto registry = Registry::open({options}, clock, rng_);
    if (!registry) _exit(1);
    for (int i = 0;; ++i) {
      model::Context context;
      context.actor = "alpha";
      (*registry)->submit(domain("k" + std::to_string(i) + ".test"), context,
                          [i, &pipe_ends](Result<model::Outcome> outcome) {
                            if (outcome && write(pipe_ends[1], &i, sizeof i) != sizeof i) _exit(2);
                          });
      if (i % 50 == 49) (void)(*registry)->run(domain("s" + std::to_string(i) + ".test"), context);
    }
  }
  close(pipe_ends[1]);
  std::vector<int> acknowledged;
  int i = 0;
  while (acknowledged.size() < 300 && read(pipe_ends[0], &i, sizeof i) == sizeof i) acknowledged.push_back(i);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  while (read(pipe_ends[0], &i, sizeof i) == sizeof i) acknowledged.push_back(i);
  close(pipe_ends[0]);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  ASSERT_GE(acknowledged.size(), 300U);

  open({});
  auto view = reader();
  for (int n : acknowledged) ASSERT_TRUE(*view->domain(name("k" + std::to_string(n) + ".test"))) << n;
  for (std::uint64_t seq = 1; seq <= view->last_seq(); ++seq) ASSERT_TRUE(*view->event(seq)) << seq;
  EXPECT_FALSE(*view->event(view->last_seq() + 1));
}

TEST_F(BatchTest, AFullDiskRefusesClearlyAndIsGotOver) {
  auto pages = std::filesystem::file_size(folder_.file());
  open({});  // the log is in the file now
  pages = std::filesystem::file_size(folder_.file()) / 8192;
  store::Options small;
  small.max_pages = pages + 20;
  open(small);
  std::optional<Error> error;
  int made = 0;
  for (; made < 20'000 && !error; ++made)
    if (auto outcome = run(domain("f" + std::to_string(made) + ".test")); !outcome) error = outcome.error();
  --made;
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Code::io);
  EXPECT_NE(error->message.find("no space"), std::string::npos) << error->message;
  EXPECT_FALSE(*reader()->domain(name("f" + std::to_string(made) + ".test")));
  EXPECT_TRUE(*reader()->domain(name("f" + std::to_string(made - 1) + ".test")));
  // Still there for reading and for refusing; and for writing when there is space again.
  EXPECT_EQ(run(domain("f0.test")).error().code, Code::exists);
  auto last = reader()->last_seq();
  open({});
  EXPECT_EQ(must(domain("f" + std::to_string(made) + ".test")).seq, last + 1);
}

TEST_F(BatchTest, ASecondProcessIsKeptOut) {
  store::Options options;
  options.path = folder_.file();
  auto second = Registry::open({options}, clock_, rng_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::unavailable);
}

}  // namespace
}  // namespace onoma::registry
