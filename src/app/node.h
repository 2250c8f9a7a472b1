// Node: everything `onoma serve` is, in one process: registry, publisher, signer, gate, DNS and the control
// doors, wired together. No rules of its own. start() and stop() from one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/settings.h"
#include "base/error.h"

namespace onoma::app {

class Node {
 public:
  // Opens the data directory and binds every address; answers nothing before start().
  static Result<std::unique_ptr<Node>> open(const Settings& settings);
  ~Node();  // stops

  // Brings every zone up to date and answers. With `demo`, fills an empty registry first.
  Result<void> start(bool demo);
  void stop();

  // "dns=… http=… admin=… control=… data=…": facts for the ready line.
  std::string facts() const;
  // The first address of each door, as bound. After start().
  std::string dns_address() const;
  std::string http_address() const;

 private:
  struct State;
  explicit Node(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace onoma::app
