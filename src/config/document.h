#pragma once
// The documentation of all keys, made from the code that reads them.
#include <string>

namespace r1::config {

/// configs/README.md: how configurations are read, and every key with its type, default and help.
std::string document_options();

}  // namespace r1::config
