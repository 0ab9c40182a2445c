#pragma once
// Landlock: the kernel denies a process access to all files outside named folders.
//
// Landlock needs no privilege and no namespace. Kernels from 5.13 on have it, if it is enabled at
// boot. Reference: Linux Documentation/userspace-api/landlock.rst.
#include <string>
#include <vector>

namespace r1::rewards::sandbox {

/// Version of the kernel's Landlock; 0: the kernel has no Landlock.
int landlock_version();

/// From now on this process and its children may only read and execute files below `readable`
/// (files or folders; missing ones are ignored), may do anything below `writable`, and may open no
/// TCP port. no_new_privs must be set. Returns errno; 0: success, ENOSYS: the kernel has no
/// Landlock.
int restrict_files(const std::vector<std::string>& readable,
                   const std::vector<std::string>& writable);

}  // namespace r1::rewards::sandbox
