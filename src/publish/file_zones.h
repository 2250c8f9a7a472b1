// FileZones: zones served from an operator's own files, without a registry. Each has a sequencer without
// signer and log: file → gate → show. A file that is bad, or that the gate refuses, keeps the zone that was
// there. Any thread; calls about one zone wait for each other, calls about different zones do not.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "publish/publisher.h"
#include "publish/sequencer.h"

namespace onoma::publish {

using GateFactory = std::function<std::unique_ptr<zone::Gate>()>;

struct FileZoneStatus {
  wire::Name zone;
  std::string file;
  std::uint32_t serial = 0;
  std::uint64_t names = 0, records = 0;
  std::uint32_t earliest_expiry = 0;  // Unix time; 0: no signatures
  std::string problem;                // why the newest file is not served; empty: it is
};

class FileZones {
 public:
  // `sink` and `clock` must outlive this.
  FileZones(GateFactory gate, ZoneSink& sink, const Clock& clock);
  ~FileZones();

  // Loads and shows. exists when the zone is there already. On any other error the zone stays known, as not
  // loaded (answered with SERVFAIL), so that a reload can mend it.
  Result<FileZoneStatus> add(const wire::Name& zone, const std::string& file);
  // Reads the file again. `file` empty: the one it was loaded from.
  Result<FileZoneStatus> reload(const wire::Name& zone, const std::string& file = {});
  // Applies a change in text form (zone/diff_text.h) to what is served; the file is not touched.
  Result<FileZoneStatus> apply(const wire::Name& zone, std::string_view diff_text);
  Result<void> remove(const wire::Name& zone);
  std::vector<FileZoneStatus> status() const;
  std::vector<wire::Name> zones() const;

 private:
  struct Entry;
  std::shared_ptr<Entry> find(const wire::Name& zone) const;
  Result<FileZoneStatus> run(Entry& entry);

  GateFactory gate_;
  ZoneSink& sink_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<wire::Name, std::shared_ptr<Entry>> entries_;
};

}  // namespace onoma::publish
