// Proofs of absence, added to a plan's authority section; nothing when the zone is not signed. One function
// per row of RFC 7129 §5 and RFC 5155 §7.2. A record that serves twice is sent once.
#pragma once

#include "serve/plan.h"

namespace onoma::serve {

class Prover {
 public:
  Prover(const zone::Snapshot& zone, Plan& plan, zone::NodeScratch& scratch)
      : zone_(zone), plan_(plan), scratch_(scratch), denial_(zone.facts().denial) {}

  // The name exists (an empty non-terminal too) and lacks the type; also: the delegation there has no DS.
  void no_data(wire::NameView name);
  // No name nearer than the wildcard that was used.
  void no_closer(wire::NameView name, std::size_t encloser_labels);
  // The wildcard below the encloser lacks the type.
  void wildcard_no_data(wire::NameView name, std::size_t encloser_labels);
  void no_name(wire::NameView name, std::size_t encloser_labels);
  // Two different names have one NSEC3 hash, so the proof cannot be given: answer SERVFAIL.
  bool collided() const { return collided_; }

 private:
  using Found = std::optional<zone::NodeView>;

  void add_nsec(wire::NameView name);  // matches the name, or covers it
  bool add_nsec3_match(wire::NameView name);
  void add_nsec3_cover(wire::NameView name);
  // Matches the closest encloser that has a record, covers the name below it; returns its labels.
  std::size_t add_encloser_proof(wire::NameView name, std::size_t encloser_labels);
  void add(const Found& node, wire::RRType type);

  const zone::Snapshot& zone_;
  Plan& plan_;
  zone::NodeScratch& scratch_;
  zone::Denial denial_;
  bool collided_ = false;
};

}  // namespace onoma::serve
