// The store keeps what a transaction put, all of it or nothing; readers see one state; damage is found.
#include "store/store.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/json.h"

namespace onoma::store {
namespace {

using model::Name;

Name name(std::string_view text) {
  return *Name::parse(text);
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string text = std::filesystem::temp_directory_path() / "onoma-store-XXXXXX";
    folder_ = mkdtemp(text.data());
    reopen();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Result<std::unique_ptr<Store>> open() {
    Options options;
    options.path = file();
    options.max_readers = 4;
    return open_sqlite(options);
  }
  void reopen() {
    store_.reset();
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
  }
  std::string file() const { return folder_ / "deep" / "store.db"; }

  static model::Tld tld(std::string_view text) {
    model::Tld out;
    out.name = name(text);
    return out;
  }
  static model::Domain domain(std::string_view text, std::string_view zone, std::vector<Name> hosts = {}) {
    model::Domain out;
    out.name = name(text);
    out.tld = name(zone);
    out.name_servers = std::move(hosts);
    return out;
  }
  template <class T>
  static void put(WriteTransaction& transaction, const T& object, const T* before = nullptr) {
    auto done = transaction.put(object, before, to_json(object));
    ASSERT_TRUE(done) << done.error().message;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, CommittedIsKeptAndDroppedIsNot) {
  {
    auto transaction = *store_->begin();
    put(*transaction, tld("test"));
    put(*transaction, domain("a.test", "test"));
    EXPECT_TRUE(*transaction->reader().domain(name("a.test")));
    EXPECT_FALSE(*(*store_->open_reader())->domain(name("a.test")));
  }
  EXPECT_FALSE(*(*store_->open_reader())->tld(name("test")));
  {
    auto transaction = *store_->begin();
    put(*transaction, tld("test"));
    ASSERT_TRUE(transaction->savepoint());
    put(*transaction, domain("a.test", "test"));
    ASSERT_TRUE(transaction->roll_back_to_savepoint());
    ASSERT_TRUE(transaction->savepoint());
    put(*transaction, domain("b.test", "test"));
    ASSERT_TRUE(transaction->release());
    ASSERT_TRUE(transaction->commit());
  }
  reopen();
  auto reader = *store_->open_reader();
  EXPECT_FALSE(*reader->domain(name("a.test")));
  EXPECT_TRUE(*reader->domain(name("b.test")));
}

TEST_F(StoreTest, UniqueKeysDecide) {
  auto transaction = *store_->begin();
  put(*transaction, tld("test"));
  put(*transaction, domain("a.test", "test"));
  auto again = domain("A.test", "test");
  EXPECT_EQ(transaction->put(again, nullptr, to_json(again)).error().code, Code::exists);
  // A domain needs its zone, which therefore cannot go first.
  auto orphan = domain("a.none", "none");
  EXPECT_EQ(transaction->put(orphan, nullptr, to_json(orphan)).error().code, Code::association_prohibits);
  EXPECT_EQ(transaction->erase(tld("test")).error().code, Code::association_prohibits);
}

TEST_F(StoreTest, AReaderSeesOneStateHoweverLong) {
  auto before = *store_->open_reader();
  auto transaction = *store_->begin();
  put(*transaction, tld("test"));
  model::Event event;
  event.actor = "a";
  event.command = "tld.create";
  event.changes = {{model::ObjectKind::tld, "test", "", to_json(tld("test"))}};
  ASSERT_TRUE(transaction->append_event(event));
  EXPECT_EQ(event.seq, 1U);
  ASSERT_TRUE(transaction->commit());
  transaction.reset();
  EXPECT_FALSE(*before->tld(name("test")));
  EXPECT_EQ(before->last_seq(), 0U);
  auto after = *store_->open_reader();
  EXPECT_TRUE(*after->tld(name("test")));
  EXPECT_EQ(after->last_seq(), 1U);
  EXPECT_EQ(after->generation(), 1U);
  EXPECT_EQ((*after->event(1))->changes.at(0).after, event.changes[0].after);
}

TEST_F(StoreTest, ReadersAreCountedAndUsedAgain) {
  std::vector<std::unique_ptr<Reader>> open;
  for (int i = 0; i < 4; ++i) open.push_back(*store_->open_reader());
  EXPECT_EQ(store_->open_reader().error().code, Code::unavailable);
  open.pop_back();
  EXPECT_TRUE(store_->open_reader());
}

TEST_F(StoreTest, LinksFollowTheNameServers) {
  auto transaction = *store_->begin();
  put(*transaction, tld("test"));
  put(*transaction, tld("sub.test"));
  auto first = domain("a.test", "test", {name("x.invalid"), name("y.invalid")});
  put(*transaction, first);
  put(*transaction, domain("b.sub.test", "sub.test", {name("x.invalid")}));
  auto second = domain("a.test", "test", {name("y.invalid"), name("z.invalid")});
  put(*transaction, second, &first);
  auto& reader = transaction->reader();
  EXPECT_FALSE(*reader.host_is_used(name("x.invalid"), name("test")));
  EXPECT_TRUE(*reader.host_is_used(name("X.invalid"), name("sub.test")));
  EXPECT_TRUE(*reader.host_is_used(name("z.invalid"), name("test")));
  ASSERT_TRUE(transaction->erase(second));
  EXPECT_FALSE(*reader.host_is_used(name("y.invalid"), name("test")));
}

TEST_F(StoreTest, ListsAreInCanonicalOrderAndPaged) {
  auto transaction = *store_->begin();
  put(*transaction, tld("test"));
  for (auto text : {"z.test", "a.test", "yljkjljk.a.test", "Z.a.test", "*.z.test", "\\200.z.test"})
    put(*transaction, domain(text, "test"));
  ASSERT_TRUE(transaction->commit());
  transaction.reset();
  auto reader = *store_->open_reader();
  std::vector<std::string> seen;
  std::string after;
  do {
    auto page = *reader->domains(after, 2);
    for (const auto& one : page.items) seen.push_back(model::name_text(one.name));
    after = page.next;
  } while (!after.empty());
  // The order of RFC 4034 §6.1's example.
  EXPECT_EQ(seen, (std::vector<std::string>{"a.test", "yljkjljk.a.test", "z.a.test", "z.test", "*.z.test",
                                            "\\200.z.test"}));
  EXPECT_EQ(reader->domains("not a token!", 2).error().field, "after");
  // A callback may read through the same reader, and stop the walk.
  int visited = 0;
  auto stopped = reader->each_domain(name("test"), [&](model::Domain&& one) -> Result<void> {
    EXPECT_TRUE(*reader->domain(one.name));
    auto inner = reader->each_domain(name("test"), [](model::Domain&&) -> Result<void> { return {}; });
    EXPECT_TRUE(inner);
    if (++visited == 3) return fail(Code::gone, "enough");
    return {};
  });
  EXPECT_EQ(stopped.error().code, Code::gone);
  EXPECT_EQ(visited, 3);
}

TEST_F(StoreTest, SecretsHaveTablesOfTheirOwn) {
  auto transaction = *store_->begin();
  model::Contact contact;
  contact.id = "C-1";
  put(*transaction, contact);
  ASSERT_TRUE(transaction->put_contact_key("C-1", Bytes{1, 2, 3}));
  model::Registrar registrar;
  registrar.id = "alpha";
  put(*transaction, registrar);
  ASSERT_TRUE(transaction->put_registrar_token("alpha", "hash"));
  auto& reader = transaction->reader();
  EXPECT_EQ(**reader.contact_key("C-1"), (Bytes{1, 2, 3}));
  EXPECT_EQ(**reader.registrar_token("alpha"), "hash");
  ASSERT_TRUE(transaction->erase_contact_key("C-1"));
  EXPECT_FALSE(*reader.contact_key("C-1"));
  ASSERT_TRUE(transaction->erase(registrar));
  EXPECT_FALSE(*reader.registrar_token("alpha"));
}

TEST_F(StoreTest, RoidsAreNeverGivenTwice) {
  auto number = [&](bool commit) {
    auto transaction = *store_->begin();
    auto out = *transaction->next_roid();
    if (commit) {
      EXPECT_TRUE(transaction->commit());
    }
    return out;
  };
  auto first = number(true);
  auto second = number(true);
  EXPECT_GT(second, first);
  reopen();
  EXPECT_GT(number(true), second);
}

TEST_F(StoreTest, OutcomesAreRememberedAndForgotten) {
  auto transaction = *store_->begin();
  PastCommand past{"digest", {}};
  past.outcome.seq = 7;
  past.outcome.object = R"({"a":1})";
  past.outcome.notes = {"n"};
  auto now = from_unix_seconds(1'790'000'000);
  ASSERT_TRUE(transaction->remember("alpha", "k", past, now));
  auto found = *transaction->reader().past_command("alpha", "k");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, "digest");
  EXPECT_EQ(to_json(found->outcome), to_json(past.outcome));
  EXPECT_FALSE(*transaction->reader().past_command("beta", "k"));
  ASSERT_TRUE(transaction->forget_before(now));
  EXPECT_TRUE(*transaction->reader().past_command("alpha", "k"));
  ASSERT_TRUE(transaction->forget_before(now + std::chrono::seconds(1)));
  EXPECT_FALSE(*transaction->reader().past_command("alpha", "k"));
}

TEST_F(StoreTest, OnlyTheOwnerMayReadTheFiles) {
  {
    auto transaction = *store_->begin();
    put(*transaction, tld("test"));
    ASSERT_TRUE(transaction->commit());
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "deep")) {
    struct stat status{};
    ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077, 0U) << entry.path();
  }
}

TEST_F(StoreTest, ForeignAndDamagedFilesAreRefused) {
  store_.reset();
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << std::string(20'000, 'x');
  auto foreign = open();
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, Code::corrupt) << foreign.error().message;
}

TEST_F(StoreTest, DamageIsFoundAfterAnUncleanStop) {
  {
    auto transaction = *store_->begin();
    put(*transaction, tld("test"));
    for (int i = 0; i < 2'000; ++i) put(*transaction, domain("d" + std::to_string(i) + ".test", "test"));
    ASSERT_TRUE(transaction->commit());
  }
  store_->when_idle();
  // As a crash would leave it: copied while in use, with one page spoilt.
  auto copy = folder_ / "copy.db";
  std::filesystem::copy_file(file(), copy);
  {
    std::fstream spoil(copy, std::ios::binary | std::ios::in | std::ios::out);
    spoil.seekp(30 * 8192);
    spoil << std::string(8192, '\xee');
  }
  Options options;
  options.path = copy;
  auto damaged = open_sqlite(options);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, Code::corrupt) << damaged.error().message;
}

}  // namespace
}  // namespace onoma::store
