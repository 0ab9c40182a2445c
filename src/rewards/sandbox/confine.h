#pragma once
// The confinement that a forked child applies to itself before it executes a program.
#include <cstdint>

#include "rewards/sandbox/process.h"

namespace r1::rewards::sandbox {

struct ConfineError {
  const char* step = nullptr;  // null: success
  int error = 0;
};

/// Returns a copy of the program's path at an unguessable address; null: no memory. The copy lives
/// until execve.
const char* place_secretly(const std::string& path);

/// Applies, in this order: rlimits, no capabilities, no_new_privs, Landlock if the kernel has it,
/// seccomp. Confinement::Run requires seccomp; Confinement::Compile requires seccomp or Landlock.
ConfineError confine(const Command& command, const char* program_path);

}  // namespace r1::rewards::sandbox
