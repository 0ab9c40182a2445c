#pragma once
// A worker process: answers one request after another until the program closes the socket.
#include <string>

namespace r1::rewards::workers {

/// Reads the configuration from `socket`, applies its resource limits, then answers requests.
/// `folder` is an empty folder that belongs to this worker, or "" if none could be made. Returns
/// the exit status.
int run_worker(int socket, const std::string& folder);

/// The private folder of this worker process; empty: none.
const std::string& private_folder();

}  // namespace r1::rewards::workers
