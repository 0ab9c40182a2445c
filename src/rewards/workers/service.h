#pragma once
// What a worker process does with the requests that it gets: scoring samples, or answering calls of
// tools.
#include <memory>
#include <string>

#include "rewards/workers/messages.h"

namespace r1::rewards::workers {

class Service {
 public:
  virtual ~Service() = default;
  /// The body of the reply to the body of a request.
  virtual std::string answer(const std::string& body) const = 0;
  /// The body of the reply when the worker's memory did not suffice.
  virtual std::string out_of_memory() const = 0;
  /// Lines for the log at the start of a run; may be empty.
  virtual std::string description() const = 0;
  virtual std::string warnings() const = 0;
};

/// Throws: ConfigError if the service cannot work on this machine.
std::unique_ptr<Service> make_service(const Configuration& configuration);

}  // namespace r1::rewards::workers
