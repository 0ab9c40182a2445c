#pragma once
// Landlock: the kernel refuses a process every file outside the named folders.
//
// Reference: Linux Documentation/userspace-api/landlock.rst. Needs no privilege and no namespace;
// kernels from 5.13 on, where it is switched on at boot.
#include <string>
#include <vector>

namespace r1::rewards::sandbox {

/// Version of the kernel's Landlock; 0: it has none.
int landlock_version();

/// From now on this process and its children may read and execute what lies below `readable` (files
/// or folders; those that do not exist are left out), do anything below `writable`, and open no TCP
/// port. no_new_privs must be set. Returns errno; 0 means done, ENOSYS that the kernel has none.
int restrict_files(const std::vector<std::string>& readable,
                   const std::vector<std::string>& writable);

}  // namespace r1::rewards::sandbox
