#include "sign/keys.h"

#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "sign/key_store.h"
#include "unit/sign/support.h"

namespace onoma::sign::testing {
namespace {

namespace fs = std::filesystem;

TEST(Keys, DsOfTheWellKnownKeys) {
  // RFC 6605 §6.1 and RFC 8080 §6.1.
  const auto ds = [](std::string_view owner, std::uint8_t algorithm, std::string_view key) {
    wire::Dnskey record;
    record.flags = 257;
    record.algorithm = algorithm;
    record.public_key = from_base64(key).value();
    return hex(ds_rdata(name(owner), record));
  };
  EXPECT_EQ(ds("Example.NET.", 13,
               "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="),
            "d9600d02b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17");
  EXPECT_EQ(ds("example.com.", 15, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="),
            "0e1d0f023aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b");
}

TEST(Keys, StatesSayWhatAKeyDoes) {
  auto key = fake_key(Role::ksk, key_state::Generated{kNow}, 1);
  // Published; signs the keys, CDS, the zone; its DS belongs at the parent.
  const auto does = [&](KeyState state) {
    key.state = state;
    const auto use = KeySet(name("example."), {}).use(key);
    return std::string(use.published ? "P" : "-") + (use.signs_keys ? "K" : "-") +
           (use.signs_cds ? "C" : "-") + (use.signs_zone ? "Z" : "-") + (use.wants_ds ? "D" : "-");
  };
  const KeyState states[] = {key_state::Generated{},  key_state::PreActive{}, key_state::Published{},
                             key_state::Ready{},      key_state::Active{},    key_state::Retired{},
                             key_state::PostActive{}, key_state::Removed{}};
  const auto all = [&](Role role) {
    key.role = role;
    std::string out;
    for (const auto& state : states) out += (out.empty() ? "" : " ") + does(state);
    return out;
  };
  EXPECT_EQ(all(Role::ksk), "----- --C-- PKC-- PKC-D PKC-D PKC-- --C-- -----");
  EXPECT_EQ(all(Role::zsk), "----- ---Z- P---- P--Z- P--Z- P---- ---Z- -----");
  EXPECT_EQ(all(Role::csk), "----- --CZ- PKCZ- PKCZD PKCZD PKCZ- --CZ- -----");
}

TEST(Keys, OneOfTwoCsksSignsTheZone) {
  KeySet keys(name("example."), {});
  ASSERT_TRUE(keys.add(fake_key(Role::csk, key_state::Active{}, 1)));
  ASSERT_TRUE(keys.add(fake_key(Role::csk, key_state::Published{}, 2)));
  const auto signing = [&] {
    return std::string(keys.use(keys.keys()[0]).signs_zone ? "1" : "") +
           (keys.use(keys.keys()[1]).signs_zone ? "2" : "");
  };
  EXPECT_EQ(signing(), "1");
  keys.set_state(keys.keys()[1].tag(), key_state::Ready{});
  keys.set_state(keys.keys()[0].tag(), key_state::Retired{});
  EXPECT_EQ(signing(), "2");
}

TEST(Keys, DigestsOfADsAreThoseAskedFor) {
  // RFC 9563 §5.
  wire::Dnskey record;
  record.flags = 257;
  record.algorithm = 17;
  record.public_key =
      from_base64("jZbZMBImG9dtGWSVEwnv2l32OVKcX7MMJv+83/+A41iaZuO0ajXMcuyJbTr8Ud+kae6UlfqrnsG6tgADIPHxXA==")
          .value();
  EXPECT_EQ(wire::key_tag(record.rdata()), 27215);
  EXPECT_EQ(hex(ds_rdata(name("example.net."), record, DsDigest::sm3)),
            "6a4f110686671f82dd872e4ee73647a95dff7fd0af599ff8a43ffa26c9a2593091653c0e");
  EXPECT_EQ(ds_rdata(name("example.net."), record, DsDigest::sha384).size(), 4U + 48U);
}

TEST(Keys, GoneKeysKeepTheirTags) {
  KeySet keys(name("example."), {});
  const auto key = fake_key(Role::zsk, key_state::Retired{}, 1);
  ASSERT_TRUE(keys.add(key));
  keys.remove(key.tag(), kNow);
  EXPECT_TRUE(keys.keys().empty());
  ASSERT_EQ(keys.former().size(), 1U);
  EXPECT_EQ(keys.former()[0].tag, key.tag());
  EXPECT_FALSE(keys.add(key));
}

TEST(Keys, StatesHaveNames) {
  for (auto text :
       {"generated", "pre-active", "published", "ready", "active", "retired", "post-active", "removed"}) {
    const auto state = make_state(text, kNow);
    ASSERT_TRUE(state) << text;
    EXPECT_EQ(state_name(*state), text);
    EXPECT_EQ(state_since(*state), kNow);
  }
  EXPECT_FALSE(make_state("asleep", kNow));
}

TEST(Keys, NoTwoTagsAreEqual) {
  KeySet keys(name("example."), {});
  ASSERT_TRUE(keys.add(fake_key(Role::ksk, key_state::Active{}, 1)));
  const auto twice = keys.add(fake_key(Role::ksk, key_state::Active{}, 1));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::exists);
  // A key whose plain tag is the revoked one of the other.
  auto sly = fake_key(Role::ksk, key_state::Active{}, 1);
  sly.record.public_key[31] = static_cast<std::uint8_t>(sly.record.public_key[31] + 0x80);
  ASSERT_EQ(sly.tag(), fake_key(Role::ksk, key_state::Active{}, 1).revoked_tag());
  EXPECT_FALSE(keys.add(std::move(sly)));
}

TEST(Keys, CheckWantsSomebodyForEverything) {
  KeySet keys(name("example."), {});
  EXPECT_EQ(keys.check().error().code, Code::unavailable);
  ASSERT_TRUE(keys.add(fake_key(Role::ksk, key_state::Active{}, 1)));
  EXPECT_FALSE(keys.check());
  const auto zsk = fake_key(Role::zsk, key_state::Active{}, 2);
  ASSERT_TRUE(keys.add(zsk));
  EXPECT_TRUE(keys.check());
  keys.set_state(zsk.tag(), key_state::Retired{kNow});
  EXPECT_FALSE(keys.check());
  ASSERT_TRUE(keys.add(fake_key(Role::csk, key_state::Active{}, 3)));
  EXPECT_TRUE(keys.check());
}

TEST(Keys, RecordsFollowTheStates) {
  SeededRng rng(1);
  auto keys =
      generate_keys(name("example."), KeyLayout::ksk_and_zsk, crypto::Algorithm::ecdsa_p256, kNow, rng)
          .value();
  ASSERT_EQ(keys.keys().size(), 2U);
  EXPECT_EQ(keys.dnskey_set(60).rdatas.size(), 2U);
  EXPECT_EQ(keys.cds_set(60).rdatas.size(), 1U);
  EXPECT_EQ(keys.ds_set(60).rdatas, keys.cds_set(60).rdatas);
  EXPECT_EQ(keys.cdnskey_set(60).rdatas.at(0), keys.keys()[0].record.rdata());
  EXPECT_EQ(keys.keys()[0].record.flags, 257);
  EXPECT_EQ(keys.keys()[1].record.flags, 256);
  keys.set_state(keys.keys()[0].tag(), key_state::Removed{kNow});
  EXPECT_EQ(keys.dnskey_set(60).rdatas.size(), 1U);
  EXPECT_TRUE(keys.cds_set(60).rdatas.empty());
}

class KeyStore : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "onoma-keys-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string file_with(std::string_view suffix) const {
    for (const auto& entry : fs::directory_iterator(directory_))
      if (entry.path().string().ends_with(suffix)) return entry.path().string();
    return {};
  }
  std::string directory_;
};

TEST_F(KeyStore, LoadsWhatWasStored) {
  SeededRng rng(2);
  const auto zone = name("Example.");
  const auto made = load_or_generate_keys(directory_, zone, KeyLayout::ksk_and_zsk,
                                          crypto::Algorithm::ecdsa_p256, kNow, rng);
  ASSERT_TRUE(made) << made.error().message;
  const auto again =
      load_or_generate_keys(directory_, zone, KeyLayout::csk, crypto::Algorithm::ed25519, kNow, rng);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->dnskey_set(1), made->dnskey_set(1));
  EXPECT_EQ(again->spread(), made->spread());
  ASSERT_EQ(again->keys().size(), 2U);
  EXPECT_EQ(again->keys()[0].role, Role::ksk);
  EXPECT_EQ(state_since(again->keys()[0].state), kNow);

  const auto message = to_bytes("message");
  const auto signature = again->keys()[1].signer->sign(message);
  ASSERT_TRUE(signature);
  const auto key =
      crypto::PublicKey::from_dnskey(crypto::Algorithm::ecdsa_p256, made->keys()[1].record.public_key);
  EXPECT_TRUE(key->verify(message, *signature));
}

TEST_F(KeyStore, FilesAreForTheOwnerOnly) {
  SeededRng rng(2);
  ASSERT_TRUE(load_or_generate_keys(directory_, name("example."), KeyLayout::csk,
                                    crypto::Algorithm::ecdsa_p256, kNow, rng));
  int files = 0;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    ++files;
    EXPECT_EQ(entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none)
        << entry.path();
  }
  EXPECT_EQ(files, 2);
  const auto pem = fs::path(file_with(".pem")).filename().string();
  EXPECT_TRUE(pem.starts_with("Kexample.+013+")) << pem;
}

TEST_F(KeyStore, DamageIsNeverAnsweredWithNewKeys) {
  SeededRng rng(2);
  const auto zone = name("example.");
  const auto load = [&] {
    return load_or_generate_keys(directory_, zone, KeyLayout::csk, crypto::Algorithm::ecdsa_p256, kNow, rng);
  };
  ASSERT_TRUE(load());
  const auto pem = file_with(".pem");
  // Another key in its place.
  const auto other = crypto::PrivateKey::generate(crypto::Algorithm::ecdsa_p256)->to_pem();
  std::ofstream(pem) << other;
  EXPECT_EQ(load().error().code, Code::corrupt);
  fs::remove(pem);
  EXPECT_EQ(load().error().code, Code::corrupt);
  std::ofstream(file_with(".keys")) << "onoma-keys 1\n";
  EXPECT_EQ(load().error().code, Code::corrupt);
}

TEST(KeyList, ReadsOnlyWhatItWrites) {
  const std::string good = "onoma-keys 1\nzone example.\nspread 00112233445566778899aabbccddeeff\n";
  const std::string key = "key 4711 13 csk active 2026-09-25T12:00:00.000000Z\n";
  const auto list = parse_key_list(good + key);
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->entries.size(), 1U);
  EXPECT_EQ(list->entries[0].tag, 4711);
  EXPECT_EQ(list->spread[15], 0xff);
  EXPECT_TRUE(parse_key_list(good));
  for (const std::string& bad :
       {std::string(), std::string("onoma-keys 3\n"), good.substr(0, 30),
        good + "key 70000 13 csk active 2026-09-25T12:00:00.000000Z\n",
        good + "key 4711 13 boss active 2026-09-25T12:00:00.000000Z\n",
        good + "key 4711 13 csk asleep 2026-09-25T12:00:00.000000Z\n",
        good + "key 4711 13 csk active yesterday\n", good + "key 4711 13 csk active\n",
        good + "lock 4711 13 csk active 2026-09-25T12:00:00.000000Z\n", good + "\n"}) {
    const auto parsed = parse_key_list(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Code::corrupt);
  }
  std::string many = good;
  for (int i = 0; i < 101; ++i) many += key;
  EXPECT_FALSE(parse_key_list(many));
  EXPECT_FALSE(parse_key_list(std::string(70'000, '\n')));
}

TEST(KeyList, SecondVersionHasTwoTimesAndStandbys) {
  const std::string head = "onoma-keys 2\nzone example.\nspread 00112233445566778899aabbccddeeff\n";
  const std::string since = "2026-09-25T12:00:00.000000Z", settled = "2026-09-25T12:00:05.000000Z";
  const auto list = parse_key_list(head + "key 1 13 zsk active " + since + " " + settled + "\n" +
                                   "key 2 13 zsk published " + since + " - standby\n" +
                                   "key 3 13 zsk removed " + since + " -\n");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->entries[0].settled, from_iso8601(settled));
  EXPECT_FALSE(list->entries[0].standby);
  EXPECT_FALSE(list->entries[1].settled);
  EXPECT_TRUE(list->entries[1].standby);
  const auto old = parse_key_list(
      "onoma-keys 1\nzone example.\nspread 00112233445566778899aabbccddeeff\nkey 1 13 zsk active " + since +
      "\n");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->entries[0].settled, from_iso8601(since));
  for (const std::string& bad : {"key 1 13 zsk active " + since, "key 1 13 zsk active " + since + " soon",
                                 "key 1 13 zsk active " + since + " - standby",
                                 "key 1 13 zsk published " + since + " - standby standby"})
    EXPECT_FALSE(parse_key_list(head + bad + "\n")) << bad;
}

TEST(KeyList, FileNamesAreSafe) {
  EXPECT_EQ(file_stem(name("Example.")), "example.");
  EXPECT_EQ(file_stem(name(".")), ".");
  EXPECT_EQ(file_stem(name("a/b.example.")), "a%2Fb.example.");
}

}  // namespace
}  // namespace onoma::sign::testing
