// Years of roll-overs: no cache that could exist ever finds the zone bogus.
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "property/sign/world.h"
#include "support/environment.h"

namespace onoma::sign::testing {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

class KeyLife : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "onoma-life-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  // Zones for other verifiers, where a script asks for them.
  static std::string dump_folder(std::string_view scenario) {
    const auto folder = onoma::test::environment("ONOMA_DUMP");
    if (!folder) return {};
    const auto path = *folder + "/" + std::string(scenario);
    std::filesystem::create_directories(path);
    return path;
  }
  static std::string text(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines) out += "\n  " + line;
    return out;
  }
  std::string directory_;
};

TEST_F(KeyLife, TwoYearsOfZskKskAndAlgorithmRolls) {
  World::Plan plan;
  plan.keys.zsk_lifetime = days{60};
  plan.keys.ksk_lifetime = days{200};
  plan.dump = dump_folder("two-years");
  World world(plan, directory_, kNow);
  world.run(kNow + days{400});
  ASSERT_TRUE(world.wrong.empty()) << text(world.wrong);
  // Between two rolls: another algorithm is refused while one is on its way.
  auto until = kNow + days{400};
  while (!world.manager().roll_algorithm(crypto::Algorithm::ed25519)) {
    until += days{3};
    world.run(until);
    ASSERT_LT(until, kNow + days{450});
  }
  EXPECT_EQ(world.manager().roll(Role::zsk).error().code, Code::status_prohibits);
  world.run(kNow + days{730});
  ASSERT_TRUE(world.wrong.empty()) << text(world.wrong);
  EXPECT_GE(world.seen["zsk retired"], 7);
  EXPECT_GE(world.seen["ksk ready"], 3);
  EXPECT_EQ(world.seen["zsk pre-active"], 1);
  EXPECT_EQ(world.seen["ksk post-active"], 1);
  EXPECT_EQ(world.manager().report().algorithm, 15);
  const auto keys = world.manager().keys();
  EXPECT_LE(keys.dnskey_set(1).rdatas.size(), 4U);
  for (const auto& key : keys.keys()) EXPECT_EQ(key.record.algorithm, 15) << state_name(key.state);
}

TEST_F(KeyLife, OneKeyForEverythingIsReplacedToo) {
  World::Plan plan;
  plan.keys.layout = KeyLayout::csk;
  plan.keys.ksk_lifetime = days{90};
  plan.signing.denial = zone::Denial::nsec3;
  plan.signing.resign_over = hours{12};
  plan.dump = dump_folder("csk");
  World world(plan, directory_, kNow);
  world.run(kNow + days{210});
  ASSERT_TRUE(world.wrong.empty()) << text(world.wrong);
  auto until = kNow + days{210};
  while (!world.manager().roll_algorithm(crypto::Algorithm::ecdsa_p384)) {
    until += days{3};
    world.run(until);
    ASSERT_LT(until, kNow + days{260});
  }
  world.run(until + days{80});
  ASSERT_TRUE(world.wrong.empty()) << text(world.wrong);
  EXPECT_GE(world.seen["csk removed"], 3);
  EXPECT_EQ(world.manager().report().algorithm, 14);
}

TEST_F(KeyLife, Sm2ComesAndGoesUnderCheck) {
  World::Plan plan;
  plan.signing.resign_over = hours{6};
  plan.signing.cds_digests = {DsDigest::sha256, DsDigest::sm3};
  World world(plan, directory_, kNow);
  world.run(kNow + days{3});
  ASSERT_TRUE(world.manager().roll_algorithm(crypto::Algorithm::sm2sm3));
  world.run(kNow + days{14});
  ASSERT_TRUE(world.wrong.empty()) << text(world.wrong);
  ASSERT_EQ(world.manager().report().algorithm, 17);
  ASSERT_TRUE(world.manager().roll_algorithm(crypto::Algorithm::ecdsa_p256));
  world.run(kNow + days{28});
  ASSERT_TRUE(world.wrong.empty()) << text(world.wrong);
  const auto keys = world.manager().keys();
  for (const auto& key : keys.keys()) EXPECT_EQ(key.record.algorithm, 13);
}

// With short waits every kind of roll ends within two days.
TEST_F(KeyLife, EveryRollEndsWithinTwoDaysWhenThePolicyIsQuick) {
  World::Plan plan;
  plan.keys.propagation = plan.keys.parent_propagation = plan.keys.safety = std::chrono::minutes{10};
  plan.lag = plan.parent_lag = std::chrono::minutes{10};
  plan.keys.max_ttl = hours{1};
  plan.keys.parent_ds_ttl = hours{1};
  plan.signing.resign_over = hours{2};
  plan.parent_delay = hours{1};
  World world(plan, directory_, kNow);
  world.run(kNow + hours{30});
  const auto settled = [&] {
    const auto keys = world.manager().keys();
    return std::ranges::all_of(keys.keys(), [](const Key& key) { return is<key_state::Active>(key.state); });
  };
  const std::vector<std::function<Result<void>()>> rolls{
      [&] { return world.manager().roll(Role::zsk); }, [&] { return world.manager().roll(Role::ksk); },
      [&] { return world.manager().roll_algorithm(crypto::Algorithm::ed25519); }};
  for (const auto& roll : rolls) {
    const auto begun = roll();
    ASSERT_TRUE(begun) << begun.error().message;
    const auto start = world.now();
    while (!settled() && world.now() < start + hours{48}) world.run(world.now() + hours{1});
    ASSERT_TRUE(world.wrong.empty()) << text(world.wrong);
    EXPECT_LE(world.now(), start + hours{47});
    EXPECT_TRUE(settled());
  }
}

TEST_F(KeyLife, AStandbyKeyTakesOverWithoutWaiting) {
  World::Plan plan;
  plan.keys.standby_ksk = plan.keys.standby_zsk = true;
  World world(plan, directory_, kNow);
  world.run(kNow + days{2});
  ASSERT_EQ(world.manager().report().keys.size(), 4U);
  ASSERT_TRUE(world.manager().roll(Role::zsk));
  ASSERT_TRUE(world.manager().roll(Role::ksk));
  world.run(world.now() + std::chrono::minutes{1});
  int active = 0, ready = 0;
  const auto keys = world.manager().keys();
  for (const auto& key : keys.keys()) {
    active +=
        key.role == Role::zsk && is<key_state::Active>(key.state) && state_since(key.state) > kNow ? 1 : 0;
    ready += key.role == Role::ksk && is<key_state::Ready>(key.state) ? 1 : 0;
  }
  EXPECT_EQ(active, 1);
  EXPECT_EQ(ready, 1);
  world.run(kNow + days{30});
  EXPECT_TRUE(world.wrong.empty()) << text(world.wrong);
  EXPECT_EQ(world.seen["zsk published stand-by"], 2);  // and there is a new one
}

// The world has teeth: with a policy that knows nothing of slow secondaries, resolvers notice.
TEST_F(KeyLife, WaitsThatAreTooShortAreNoticed) {
  for (const auto role : {Role::zsk, Role::ksk}) {
    World::Plan plan;
    plan.keys.safety = plan.keys.propagation = plan.keys.parent_propagation = seconds{0};
    plan.signing.resign_over = seconds{0};
    plan.parent_delay = seconds{0};
    World world(plan, directory_ + "/" + std::string(role_name(role)), kNow);
    world.run(kNow + days{2});
    ASSERT_TRUE(world.wrong.empty()) << text(world.wrong);
    ASSERT_TRUE(world.manager().roll(role));
    world.run(kNow + days{8});
    EXPECT_FALSE(world.wrong.empty()) << role_name(role);
  }
}

}  // namespace
}  // namespace onoma::sign::testing
