// Random commands through the real registry, publisher, signer and gate: after every burst the served zone
// must equal what the same objects give when they are published and signed from nothing, signature octets and
// times aside.
#include <filesystem>
#include <map>
#include <mutex>
#include <random>

#include <gtest/gtest.h>
#include <unistd.h>

#include "gate/gate.h"
#include "os/job_pool.h"
#include "publish/publisher.h"
#include "publish/registry_source.h"
#include "registry/registry.h"
#include "sign/signer.h"
#include "wire/dnssec.h"
#include "wire/zonefile.h"

namespace onoma {
namespace {

using model::DenialPolicy;
using wire::Name;

Name name(const std::string& text) {
  return Name::parse(text).value();
}

// The newest version shown.
class LastShown final : public publish::ZoneSink {
 public:
  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override {
    std::scoped_lock lock(mutex_);
    EXPECT_TRUE(!shown_ || version.serial > serial_) << "the serial goes forward";
    serial_ = version.serial;
    shown_ = std::move(snapshot);
  }
  void refused(const zone::Version& version, const zone::Verdict& verdict) override {
    ADD_FAILURE() << "serial " << version.serial << " refused: " << verdict.findings.front().owner << ": "
                  << verdict.findings.front().what;
  }
  void remove(const Name&) override {}
  zone::SnapshotPtr get() {
    std::scoped_lock lock(mutex_);
    return shown_;
  }

 private:
  std::mutex mutex_;
  std::uint32_t serial_ = 0;
  zone::SnapshotPtr shown_;
};

// Every set as text, with what differs between two honest signings left out.
std::map<std::string, std::string> picture(const std::vector<wire::RRset>& sets) {
  std::map<std::string, std::string> out;
  for (auto set : sets) {
    if (set.type == wire::RRType::SOA) store_u32(&set.rdatas[0][set.rdatas[0].size() - 20], 0);
    if (set.type == wire::RRType::ZONEMD) std::ranges::fill(set.rdatas[0], std::uint8_t{0});
    std::string text;
    for (const auto& rdata : set.rdatas)
      text += wire::record_line(set.owner.lower(), set.ttl, set.type, rdata);
    for (const auto& rdata : set.signatures) {
      const auto rrsig = wire::Rrsig::read(rdata).value();
      text +=
          "signed by " + std::to_string(rrsig.key_tag) + " ttl " + std::to_string(rrsig.original_ttl) + "\n";
    }
    out[wire::sort_key(set.owner) + std::to_string(wire::number(set.type))] = text;
  }
  return out;
}

std::vector<wire::RRset> sets_of(const zone::Snapshot& snapshot) {
  std::vector<wire::RRset> out;
  for (auto cursor : {snapshot.first(), snapshot.nsec3_first()})
    for (; cursor.valid(); cursor.next())
      for (std::size_t i = 0; i < cursor.node().size(); ++i)
        out.push_back(cursor.node().at(i).copy(cursor.node().owner()));
  return out;
}

class PathProperty : public testing::TestWithParam<std::tuple<DenialPolicy, model::GluePolicy>> {
 protected:
  PathProperty() : random_(std::random_device{}()) {
    const auto seed = random_();
    RecordProperty("seed", std::to_string(seed));
    SCOPED_TRACE(seed);
    seed_ = seed;
    random_.seed(seed);
    folder_ = std::filesystem::temp_directory_path() /
              ("onoma-path-" + std::to_string(::getpid()) + "-" + std::to_string(seed));
    registry_ = registry::Registry::open({.store = {.path = folder_ / "r.sqlite"}}, clock_, rng_).value();
    EXPECT_TRUE(registry_->bootstrap_operator("operator").has_value());
    keys_.emplace(sign::generate_keys(name("test."), sign::KeyLayout::ksk_and_zsk,
                                      crypto::Algorithm::ecdsa_p256, clock_.now(), rng_)
                      .value());
    publisher_ = std::make_unique<publish::Publisher>(
        publish::PublisherOptions{.folder = folder_ / "zones"}, *registry_,
        [this](const model::Tld&) -> Result<publish::ZoneParts> {
          return publish::ZoneParts{.signer = make_signer(), .gate = gate::make_gate(gate_options())};
        },
        sink_, pool_, clock_);
    registry_->set_commit_listener([this](std::uint64_t seq) { publisher_->wake(seq); });
    make_tld();
    EXPECT_TRUE(publisher_->start().has_value());
  }
  ~PathProperty() override {
    publisher_->stop();
    registry_.reset();
    publisher_.reset();
    std::filesystem::remove_all(folder_);
  }

  gate::GateOptions gate_options() const {
    return {.level = zone::GateLevel::registry,
            .require_signed = denial() != DenialPolicy::unsigned_zone,
            .require_zonemd = has_digest()};
  }
  // ZONEMD is made by the signer and checked in the gate by code of its own.
  bool has_digest() const {
    return denial() == DenialPolicy::nsec || denial() == DenialPolicy::nsec3_opt_out;
  }
  DenialPolicy denial() const { return std::get<0>(GetParam()); }
  std::unique_ptr<zone::Signer> make_signer() {
    if (denial() == DenialPolicy::unsigned_zone) return nullptr;
    sign::SigningPolicy policy;
    policy.denial = denial() == DenialPolicy::nsec ? zone::Denial::nsec : zone::Denial::nsec3;
    policy.opt_out = denial() == DenialPolicy::nsec3_opt_out;
    if (has_digest()) policy.zonemd = sign::ZonemdHash::sha384;
    return sign::make_signer(*keys_, policy, nullptr).value();
  }

  void make_tld() {
    model::Tld tld{.name = name("test."), .mname = name("ns.example."), .rname = name("admin.example.")};
    tld.apex = {{.type = wire::RRType::NS, .ttl_s = 3600, .data = "ns.example."}};
    tld.serial = model::SerialPolicy::counter;
    tld.denial = denial();
    tld.glue = std::get<1>(GetParam());
    tld.max_domain_labels = 3;
    tld.test_zone = true;
    tld.identifier_apex = name("id.test.");
    ASSERT_TRUE(run(model::TldCreate{tld}).has_value());
  }

  Result<model::Outcome> run(model::Command command) {
    return registry_->run(std::move(command), {.id = Id128::make(clock_.now(), rng_), .actor = "operator"});
  }

  std::size_t pick(std::size_t n) { return random_() % n; }
  std::string domain() {
    static const std::vector<std::string> kNames{"a.test",     "b.test",   "c.test",   "d.test",  "x.a.test",
                                                 "y.x.a.test", "e.b.test", "f.g.test", "h.g.test"};
    return kNames[pick(kNames.size())];
  }
  std::vector<std::string> servers(const std::string& own) {
    std::vector<std::string> out;
    const std::vector<std::string> pool{"ns1." + own, "ns2." + own, "ns1.a.test",
                                        "ns1.b.test", "ns.example", "ns2.example"};
    for (const auto& host : pool)
      if (pick(3) == 0) out.push_back(host);
    return out;
  }
  std::vector<model::Glue> glue(const std::string& own) {
    std::vector<model::Glue> out;
    for (const auto* label : {"ns1.", "ns2."})
      out.push_back(
          {.host = label + own, .addresses = {"192.0.2." + std::to_string(1 + pick(200)), "2001:db8::1"}});
    return out;
  }
  std::vector<model::DsData> ds() {
    if (pick(2) == 0) return {};
    return {{.key_tag = static_cast<std::uint16_t>(pick(60000)),
             .algorithm = 13,
             .digest_type = 2,
             .digest = Bytes(32, 7)}};
  }

  // Most are refused for good reasons: what counts is that the zone follows what is accepted.
  void random_command() {
    const auto own = domain();
    switch (pick(9)) {
      case 0:
      case 1:
      case 2: {
        auto hosts = servers(own);
        return count(run(model::DomainCreate{.name = own,
                                             .name_servers = hosts,
                                             .glue = pick(2) == 0 ? glue(own) : std::vector<model::Glue>{},
                                             .ds = ds(),
                                             .registrant = {},
                                             .years = {}}));
      }
      case 3:
        return count(run(model::DomainDelete{own}));
      case 4: {
        model::DomainUpdate update{.name = own};
        update.name_servers = servers(own);
        update.glue = glue(own);
        return count(run(std::move(update)));
      }
      case 5: {
        model::DomainUpdate update{.name = own};
        update.ds = ds();
        if (pick(3) == 0)
          update.statuses = pick(2) == 0 ? std::set<std::string>{"clientHold"} : std::set<std::string>{};
        return count(run(std::move(update)));
      }
      case 6:
        return count(run(model::HostUpdate{.name = "ns1." + own,
                                           .addresses = {"192.0.2." + std::to_string(1 + pick(200))},
                                           .statuses = {}}));
      case 7:
        return count(run(model::IdentifierCreate{
            .identifier = "10.1000/" + std::to_string(pick(6)),
            .scheme = "hdl",
            .values = {{.index = 1, .type = "URL", .data = to_bytes("https://example.net/")}}}));
      default:
        return count(run(
            model::IdentifierDelete{.identifier = "10.1000/" + std::to_string(pick(6)), .scheme = "hdl"}));
    }
  }
  void count(const Result<model::Outcome>& result) { accepted_ += result ? 1 : 0; }

  void expect_equal_to_a_fresh_publication() {
    std::uint64_t seq = 0;
    std::optional<zone::Expected> expected;
    publish::RegistrySource source(name("test."), *registry_, clock_);
    auto content = source.full(seq, expected).value();
    ASSERT_TRUE(publisher_->wait_for(seq, std::chrono::seconds{20}));
    const auto shown = sink_.get();
    ASSERT_TRUE(shown);
    if (auto signer = make_signer())
      content = signer->sign_all(name("test."), std::move(content), clock_.now()).value();
    const auto fresh = picture(content), served = picture(sets_of(*shown));
    for (const auto& [key, text] : fresh) {
      const auto found = served.find(key);
      ASSERT_TRUE(found != served.end()) << "missing: " << text << " seed " << seed_;
      ASSERT_EQ(found->second, text) << "seed " << seed_;
    }
    for (const auto& [key, text] : served)
      ASSERT_TRUE(fresh.contains(key)) << "too much: " << text << " seed " << seed_;
    const auto verdict = gate::verify_zone(*shown, gate_options(), clock_.now());
    ASSERT_TRUE(verdict.accepted()) << verdict.findings.front().owner << ": " << verdict.findings.front().what
                                    << " seed " << seed_;
  }

  std::filesystem::path folder_;
  std::mt19937_64 random_;
  std::uint64_t seed_ = 0;
  int accepted_ = 0;
  SystemClock clock_;
  SystemRng rng_;
  LastShown sink_;
  std::optional<sign::KeySet> keys_;
  os::JobPool pool_{{.threads = 2}};
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<publish::Publisher> publisher_;
};

TEST_P(PathProperty, TheServedZoneEqualsAFreshPublication) {
  for (int burst = 0; burst < 25; ++burst) {
    for (int i = 0; i < 8; ++i) random_command();
    ASSERT_NO_FATAL_FAILURE(expect_equal_to_a_fresh_publication());
  }
  EXPECT_GT(accepted_, 20) << "too few commands were accepted to mean anything, seed " << seed_;
}

INSTANTIATE_TEST_SUITE_P(Policies, PathProperty,
                         testing::Values(std::tuple{DenialPolicy::unsigned_zone, model::GluePolicy::wide},
                                         std::tuple{DenialPolicy::nsec, model::GluePolicy::wide},
                                         std::tuple{DenialPolicy::nsec3, model::GluePolicy::narrow},
                                         std::tuple{DenialPolicy::nsec3_opt_out, model::GluePolicy::wide}));

}  // namespace
}  // namespace onoma
