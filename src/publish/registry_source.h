// RegistrySource: the DiffSource of a zone that the registry operates. Level-triggered: events tell which
// names to look at, the records come from the objects as they are in the same read transaction, so a batch
// may be computed again from any event on and gives the same zone. The cost of next() is that of the changed
// objects and their hosts. Belongs to one zone's serial queue.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/time.h"
#include "model/ports.h"
#include "zone/stages.h"

namespace onoma::publish {

class RegistrySource final : public zone::DiffSource {
 public:
  // `readers` and `clock` must outlive the source.
  RegistrySource(wire::Name tld, model::ReaderSource& readers, const Clock& clock);

  Result<std::optional<zone::SourceBatch>> next(const zone::Snapshot& current,
                                                std::uint64_t after_event) override;
  Result<std::vector<wire::RRset>> full(std::uint64_t& last_event,
                                        std::optional<zone::Expected>& expected) override;

 private:
  struct Touched;
  Result<Touched> touched_since(model::ObjectReader& reader, std::uint64_t after, std::uint64_t last);
  Result<std::vector<wire::RRset>> content(model::ObjectReader& reader, const model::Tld& tld);
  Result<std::vector<wire::RRset>> content_at(model::ObjectReader& reader, const model::Tld& tld,
                                              const wire::Name& owner);
  Result<bool> publishes_host(model::ObjectReader& reader, const model::Tld& tld, const wire::Name& host);

  wire::Name tld_;
  model::ReaderSource& readers_;
  const Clock& clock_;
  std::uint64_t seen_ = 0;  // events up to here are known to change nothing beyond the current version
};

}  // namespace onoma::publish
