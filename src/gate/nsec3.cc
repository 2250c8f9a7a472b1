// NSEC3: hashed denial (RFC 5155 §7.1).
#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "gate/check.h"

namespace onoma::gate {
namespace {

std::string shown(std::string_view hash) {
  return base32hex(as_bytes(hash));
}

std::optional<Nsec3> read_fields(ByteView data) {
  ByteReader reader(data);
  const auto algorithm = reader.u8();
  const auto flags = reader.u8();
  const auto iterations = reader.u16();
  const auto salt_size = reader.u8();
  const auto salt = salt_size ? reader.bytes(*salt_size) : std::nullopt;
  if (!algorithm || !flags || !iterations || !salt) return std::nullopt;
  Nsec3 out;
  out.hash_algorithm = *algorithm;
  out.flags = *flags;
  out.iterations = *iterations;
  out.salt = *salt;
  out.bitmap = reader.rest();
  return out;
}

}  // namespace

std::optional<Nsec3> Nsec3::read(ByteView data) {
  auto out = read_fields(data);
  if (!out) return std::nullopt;
  ByteReader reader(out->bitmap);
  const auto size = reader.u8();
  const auto next = size ? reader.bytes(*size) : std::nullopt;
  if (!next || next->size() != 20) return std::nullopt;
  out->next = *next;
  out->bitmap = reader.rest();
  return out;
}

std::optional<Nsec3> Nsec3::of(const NodeView& node) {
  const auto set = node.find(RRType::NSEC3);
  if (!set || set->size() != 1) return std::nullopt;
  return read(set->rdatas().front());
}

Chain read_chain(Check& check) {
  auto& findings = check.findings;
  Chain chain;
  const auto apex = check.zone.apex();
  const auto& facts = check.zone.facts();
  const auto parameters = apex.find(RRType::NSEC3PARAM);
  if (!parameters) {
    chain.denial = apex.has(RRType::NSEC) ? zone::Denial::nsec : zone::Denial::none;
    if (chain.denial == zone::Denial::none)
      findings.fatal(check.apex, fmt::format("{} is signed, but has neither NSEC nor NSEC3PARAM at its apex",
                                             check.apex.text()));
    if (check.zone.nsec3_first().valid())
      findings.fatal(check.apex, fmt::format("{} has NSEC3 records but no NSEC3PARAM", check.apex.text()));
  } else {
    chain.denial = zone::Denial::nsec3;
    if (parameters->size() != 1)
      findings.fatal(check.apex, fmt::format("{} has {} NSEC3PARAM records; one chain is supported",
                                             check.apex.text(), parameters->size()));
    const auto read = read_fields(parameters->rdatas().front());
    if (!read || !read->bitmap.empty()) {
      findings.fatal(check.apex, fmt::format("NSEC3PARAM of {} cannot be read", check.apex.text()));
      return {};
    }
    if (read->hash_algorithm != 1)
      findings.fatal(check.apex, fmt::format("NSEC3PARAM of {} has hash algorithm {}; only 1 (SHA-1) exists",
                                             check.apex.text(), read->hash_algorithm));
    if (read->flags != 0)
      findings.fatal(check.apex,
                     fmt::format("NSEC3PARAM of {} has flags {}; 0 is the only value (RFC 5155 §4.1.2)",
                                 check.apex.text(), read->flags));
    if (read->iterations > check.options.max_nsec3_iterations) {
      findings.fatal(check.apex,
                     fmt::format("NSEC3PARAM of {} has {} iterations; {} is the most", check.apex.text(),
                                 read->iterations, check.options.max_nsec3_iterations));
      return {};  // the work is not done for anybody
    }
    chain.iterations = read->iterations;
    chain.salt.assign(read->salt.begin(), read->salt.end());
    if (facts.nsec3_iterations != chain.iterations ||
        !equal(ByteView(facts.nsec3_salt), ByteView(chain.salt)))
      findings.fatal(
          check.apex,
          fmt::format("the version's NSEC3 parameters are not those of NSEC3PARAM of {}", check.apex.text()));
  }
  if (facts.denial != chain.denial)
    findings.fatal(check.apex, fmt::format("the version does not deny names the way its apex {} says",
                                           check.apex.text()));
  return chain;
}

void check_nsec3_record(Check& check, std::string_view hash, const NodeView& node, bool octets) {
  auto& findings = check.findings;
  const auto owner = node.owner();
  const auto label = owner.is_root() ? ByteView{} : owner.first_label();
  const auto decoded = from_base32hex(as_text(label));
  if (owner.is_root() || !same_name(owner.parent(), check.apex) || !decoded || as_text(*decoded) != hash)
    findings.fatal(owner, fmt::format("{} is not the hash {} below {}", subject(owner, RRType::NSEC3),
                                      shown(hash), check.apex.text()));
  for (std::size_t i = 0; i < node.size(); ++i) {
    const auto set = node.at(i);
    if (set.type() != RRType::NSEC3) {
      findings.fatal(owner, fmt::format("{} stands beside an NSEC3 record", subject(owner, set.type())));
      continue;
    }
    const auto nsec3 = Nsec3::of(node);
    if (!nsec3) {
      findings.fatal(owner, fmt::format("{} is not one readable record", subject(owner, RRType::NSEC3)));
      continue;
    }
    if (nsec3->hash_algorithm != 1 || nsec3->iterations != check.chain.iterations ||
        !equal(nsec3->salt, ByteView(check.chain.salt)))
      findings.fatal(
          owner,
          fmt::format(
              "{} has hash algorithm {}, {} iterations, salt {} instead of what NSEC3PARAM says: 1, {}, {}",
              subject(owner, RRType::NSEC3), nsec3->hash_algorithm, nsec3->iterations, hex(nsec3->salt),
              check.chain.iterations, hex(check.chain.salt)));
    if ((nsec3->flags & ~1U) != 0)
      findings.fatal(owner, fmt::format("{} has flags {}; only opt-out (1) is defined",
                                        subject(owner, RRType::NSEC3), nsec3->flags));
    if (set.ttl() > check.options.max_ttl_s)
      findings.fatal(owner, fmt::format("{} has the TTL {}, more than the limit {}",
                                        subject(owner, RRType::NSEC3), set.ttl(), check.options.max_ttl_s));
    check_denial_ttl(check, owner, set);
    check_signatures(check, owner, set, octets);
  }
}

void check_nsec3_link(Check& check, const NodeView& node, std::string_view next) {
  const auto nsec3 = Nsec3::of(node);
  if (!nsec3 || as_text(nsec3->next) == next) return;
  check.findings.fatal(
      node.owner(), fmt::format("{} has the next hash {} instead of {}", subject(node.owner(), RRType::NSEC3),
                                shown(as_text(nsec3->next)), shown(next)));
}

Need nsec3_need(const Place& place) {
  switch (place.standing) {
    case Standing::authoritative:
      return Need::required;
    case Standing::cut:
      return place.secure ? Need::required : Need::optional;
    case Standing::empty:
      return Need::optional;
    case Standing::missing:
    case Standing::occluded:
      break;
  }
  return Need::forbidden;
}

bool check_nsec3_here(Check& check, NameView name, const Place& place, Need need, const Hash& hash) {
  auto& findings = check.findings;
  const auto node = check.zone.nsec3_match(text_of(hash));
  if (!node) {
    if (need == Need::required) {
      findings.fatal(
          name, fmt::format("{} has no NSEC3 record (its hash is {})", name.text(), shown(text_of(hash))));
    } else if (need == Need::optional) {
      const auto cover = check.zone.nsec3_at_or_before(text_of(hash));
      const auto nsec3 = cover ? Nsec3::of(*cover) : std::nullopt;
      if (!nsec3 || !nsec3->opt_out())
        findings.fatal(name,
                       fmt::format("{} has no NSEC3 record (its hash is {}) and no opt-out record covers it",
                                   name.text(), shown(text_of(hash))));
    }
    return false;
  }
  if (need == Need::forbidden) {
    findings.fatal(
        node->owner(),
        fmt::format(
            "{} is for {}, which {}: remove it", subject(node->owner(), RRType::NSEC3), name.text(),
            place.standing == Standing::occluded ? "is hidden by a delegation or DNAME" : "does not exist"));
    return true;
  }
  const auto nsec3 = Nsec3::of(*node);
  if (!nsec3) return true;  // reported with the record
  const auto expected = encode_bitmap(types_to_show(place, true));
  if (!equal(nsec3->bitmap, expected))
    findings.fatal(node->owner(),
                   fmt::format("{} of {} shows {} instead of {}", subject(node->owner(), RRType::NSEC3),
                               name.text(), bitmap_text(nsec3->bitmap), bitmap_text(expected)));
  return true;
}

}  // namespace onoma::gate
