#pragma once
// What a forked child does to itself before it executes a program.
#include <cstdint>

#include "rewards/sandbox/process.h"

namespace r1::rewards::sandbox {

struct ConfineError {
  const char* step = nullptr;  // null: done
  int error = 0;
};

/// A copy of the program's path at an address that nobody can guess; null: no memory. It lives
/// until execve.
const char* place_secretly(const std::string& path);

/// rlimits, no capabilities, no_new_privs, Landlock where the kernel has it, seccomp: in that
/// order. Run needs seccomp; Compile needs seccomp or Landlock.
ConfineError confine(const Command& command, const char* program_path);

}  // namespace r1::rewards::sandbox
