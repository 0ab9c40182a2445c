#pragma once
// A worker process: scores one sample after the other until the program closes the socket.
#include <string>

namespace r1::rewards::workers {

/// Reads the configuration from `socket`, limits itself, then answers requests. `folder` is empty
/// and this worker's own, or "" where none could be made. Returns the exit status.
int run_worker(int socket, const std::string& folder);

/// The private folder of this worker process; empty: none.
const std::string& private_folder();

}  // namespace r1::rewards::workers
