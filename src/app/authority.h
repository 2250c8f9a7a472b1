// The parts that both servers (`serve` and `authority`) are made of.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "os/address.h"
#include "os/job_pool.h"
#include "publish/publisher.h"
#include "serve/zones.h"

namespace onoma::app {

// Makes published versions visible to the DNS. Any thread.
class ZoneTableSink final : public publish::ZoneSink {
 public:
  explicit ZoneTableSink(serve::ZoneTable& table) : table_(table) {}
  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override;
  void refused(const zone::Version& version, const zone::Verdict& verdict) override;
  void remove(const wire::Name& zone) override;
  void not_loaded(const wire::Name& zone) override;

 private:
  serve::ZoneTable& table_;
};

// Frees replaced versions once a second for as long as it lives.
class Reclaimer {
 public:
  // Both must outlive it.
  Reclaimer(os::JobPool& pool, serve::ZoneTable& table);
  ~Reclaimer();

 private:
  void arm();
  serve::ZoneTable& table_;
  os::SerialQueue queue_;
};

Result<std::vector<os::Endpoint>> endpoints(const std::vector<std::string>& texts);
std::string texts(const std::vector<os::Endpoint>& endpoints);  // joined by ","

// Until SIGINT or SIGTERM; SIGHUP calls `reload`. Must be made before any other thread exists.
class StopSignal {
 public:
  static Result<std::unique_ptr<StopSignal>> make(std::function<void()> reload);
  virtual ~StopSignal() = default;
  virtual void wait() = 0;
};

}  // namespace onoma::app
