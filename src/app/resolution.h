// Resolution: joins the resolver with what this process serves and publishes, for the REST door. Any thread.
#pragma once

#include <memory>

#include "base/time.h"
#include "front/rest/services.h"
#include "model/ports.h"
#include "publish/publisher.h"
#include "serve/zones.h"

namespace onoma::app {

class Resolution {
 public:
  // Everything must outlive this.
  Resolution(serve::ZoneTable& zones, model::ReaderSource& readers, publish::Publisher& publisher,
             const Clock& clock);
  ~Resolution();
  Result<front::Resolved> resolve(const front::ResolveRequest& request);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace onoma::app
