#include "base/published.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/guarded.h"

namespace onoma {
namespace {

// Counts how many of its kind live, and is torn if a reader sees it half made or already dead.
struct Tracked {
  Tracked(int number, std::atomic<int>& counter) : first(number), living(&counter), second(number) {
    ++*living;
  }
  Tracked(const Tracked&) = delete;
  Tracked& operator=(const Tracked&) = delete;
  ~Tracked() {
    first = -1;
    --*living;
  }
  int first;
  std::atomic<int>* living;
  int second;
};

TEST(Published, ReadersSeeTheNewestAndKeepTheirsUntilTheyAskAgain) {
  std::atomic<int> living = 0;
  Published<Tracked> value(std::make_shared<const Tracked>(1, living));
  Published<Tracked>::Reader reader(value);
  const Tracked& one = reader.get();
  EXPECT_EQ(one.first, 1);
  value.publish(std::make_shared<const Tracked>(2, living));
  EXPECT_EQ(one.first, 1);  // still held
  EXPECT_EQ(living, 2);
  EXPECT_EQ(reader.get().first, 2);
  EXPECT_EQ(&reader.get(), &reader.get());
  EXPECT_EQ(value.snapshot()->first, 2);
}

TEST(Published, ReplacedValuesDieAtALaterPublish) {
  std::atomic<int> living = 0;
  Published<Tracked> value(std::make_shared<const Tracked>(1, living));
  Published<Tracked>::Reader reader(value);
  reader.get();
  value.publish(std::make_shared<const Tracked>(2, living));
  EXPECT_EQ(living, 2);  // the reader holds 1
  reader.release();
  EXPECT_EQ(living, 2);  // a reader never frees
  value.publish(std::make_shared<const Tracked>(3, living));
  EXPECT_EQ(living, 1);  // nobody held 1 or 2
  EXPECT_EQ(reader.get().first, 3);
}

TEST(Published, ASnapshotOutlivesThePublished) {
  std::atomic<int> living = 0;
  std::shared_ptr<const Tracked> kept;
  {
    Published<Tracked> value(std::make_shared<const Tracked>(1, living));
    kept = value.snapshot();
    value.publish(std::make_shared<const Tracked>(2, living));
  }
  EXPECT_EQ(kept->first, 1);
  EXPECT_EQ(living, 1);
}

TEST(Published, ManyReadersAndWritersNeverSeeATornOrOlderValue) {
  constexpr int kRounds = 2000;
  std::atomic<int> living = 0;
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0, backwards = 0;
  {
    Published<Tracked> value(std::make_shared<const Tracked>(0, living));
    std::vector<std::jthread> readers;
    for (int n = 0; n < 3; ++n)
      readers.emplace_back([&, n] {
        Published<Tracked>::Reader reader(value);
        int last = 0;
        do {
          const Tracked& now = reader.get();
          if (now.first != now.second) ++torn;
          if (now.first < last) ++backwards;
          last = now.first;
          if (n == 0) reader.release();
        } while (!done.load());
        if (reader.get().first != kRounds) ++backwards;
      });
    for (int i = 1; i <= kRounds; ++i) value.publish(std::make_shared<const Tracked>(i, living));
    done = true;
    readers.clear();
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(backwards, 0);
    value.publish(std::make_shared<const Tracked>(kRounds + 1, living));
    EXPECT_EQ(living, 1);
  }
  EXPECT_EQ(living, 0);
}

TEST(Guarded, AddsUpUnderContention) {
  Guarded<std::vector<int>> list;
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 4; ++n)
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) list.with([&](auto& inside) { inside.push_back(i); });
      });
  }
  const auto& constant = list;
  EXPECT_EQ(constant.with([](const auto& inside) { return inside.size(); }), 2000U);
}

}  // namespace
}  // namespace onoma
