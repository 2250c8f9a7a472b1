// sign(): a denial chain by the book, from the definitions and without the program's signer.
#include "serve_support.h"

namespace onoma::serve::test {
namespace {

struct Owner {
  Name name;
  std::set<RRType> types;  // as a bitmap says
  bool cut = false, insecure_cut = false;
};

// Names with data that is neither glue nor occluded.
std::vector<Owner> authoritative_owners(const zone::Snapshot& plain) {
  std::vector<Owner> owners;
  std::optional<Name> cut;
  for (auto at = plain.first(); at.valid(); at.next()) {
    const auto node = at.node();
    Owner owner{Name(node.owner()), {}, node.is_delegation(), false};
    if (cut && owner.name.view().is_below(cut->view())) continue;
    if (owner.cut || node.has(RRType::DNAME)) cut = owner.name;
    owner.insecure_cut = owner.cut && !node.has(RRType::DS);
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto type = node.at(i).type();
      if (!owner.cut || type == RRType::NS || type == RRType::DS) owner.types.insert(type);
    }
    owners.push_back(std::move(owner));
  }
  return owners;
}

Bytes signature(RRType covered, const Name& owner, const Name& apex, std::uint32_t ttl) {
  wire::Rrsig rrsig;
  rrsig.covered = covered;
  rrsig.algorithm = 13;
  rrsig.labels = wire::rrsig_labels(owner);
  rrsig.original_ttl = ttl;
  rrsig.expiration = 1000;  // long ago: served all the same
  rrsig.inception = 1;
  rrsig.key_tag = 4711;
  rrsig.signer = apex;
  rrsig.signature = Bytes(64, 0x5a);
  return rrsig.rdata();
}

std::vector<RRType> list(const std::set<RRType>& types) {
  return {types.begin(), types.end()};
}

}  // namespace

zone::SnapshotPtr sign(const zone::Snapshot& plain, Signing how) {
  const auto apex = plain.facts().apex;
  zone::SnapshotBuilder builder(apex);
  const auto add = [&](const Name& owner, RRType type, std::uint32_t ttl, Bytes rdata, bool with_signature) {
    wire::RRset set;
    set.owner = owner;
    set.type = type;
    set.ttl = ttl;
    set.rdatas.push_back(std::move(rdata));
    if (with_signature) set.signatures.push_back(signature(type, owner, apex, ttl));
    EXPECT_TRUE(builder.add(std::move(set)).has_value());
  };
  auto owners = authoritative_owners(plain);
  std::set<std::string> signed_names;
  for (const auto& owner : owners) signed_names.insert(owner.name.lower().text());
  for (auto at = plain.first(); at.valid(); at.next()) {
    for (std::size_t i = 0; i < at.node().size(); ++i) {
      auto set = at.node().at(i).copy(at.node().owner());
      const bool at_cut = at.node().is_delegation();
      if (signed_names.contains(set.owner.lower().text()) && (!at_cut || set.type == RRType::DS))
        set.signatures.push_back(signature(set.type, set.owner, apex, set.ttl));
      EXPECT_TRUE(builder.add(std::move(set)).has_value());
    }
  }
  add(apex, RRType::DNSKEY, 3600, wire::Dnskey{257, 3, 13, Bytes(64, 1)}.rdata(), true);
  owners.front().types.insert(RRType::DNSKEY);
  const auto ttl = plain.facts().negative_ttl_s;

  if (how == Signing::nsec) {
    for (std::size_t i = 0; i < owners.size(); ++i) {
      auto types = owners[i].types;
      types.insert({RRType::NSEC, RRType::RRSIG});
      add(owners[i].name, RRType::NSEC, ttl,
          wire::nsec_rdata(owners[(i + 1) % owners.size()].name.view(), list(types)), true);
    }
  } else {
    owners.front().types.insert(RRType::NSEC3PARAM);
    add(apex, RRType::NSEC3PARAM, 0, wire::Nsec3param{}.rdata(), true);
    std::map<std::string, std::set<RRType>> chain;  // by hash
    const auto hash = [](const Name& owner) { return std::string(zone::nsec3_hash(owner, {}, 0).view()); };
    for (const auto& owner : owners) {
      if (how == Signing::opt_out && owner.insecure_cut) continue;
      auto types = owner.types;
      if (!owner.cut || types.contains(RRType::DS)) types.insert(RRType::RRSIG);
      chain[hash(owner.name)] = types;
      for (auto parent = owner.name; !(parent == apex); parent = Name(parent.parent()))
        if (!signed_names.contains(parent.lower().text())) chain.try_emplace(hash(parent));
    }
    for (auto at = chain.begin(); at != chain.end(); ++at) {
      wire::Nsec3 record;
      record.flags = how == Signing::opt_out ? 1 : 0;
      const auto next = std::next(at) == chain.end() ? chain.begin() : std::next(at);
      record.next_hash = to_bytes(next->first);
      record.types = list(at->second);
      zone::Nsec3Hash own;
      std::ranges::copy(at->first, own.octets.begin());
      add(zone::nsec3_owner(own, apex), RRType::NSEC3, ttl, record.rdata(), true);
    }
  }
  auto built = builder.finish();
  EXPECT_TRUE(built.has_value()) << (built ? "" : built.error().message);
  return built.value_or(nullptr);
}

}  // namespace onoma::serve::test
