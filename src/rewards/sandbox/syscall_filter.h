#pragma once
// Seccomp filters: the system calls that a confined process may use. Built with libseccomp if the
// build found it.
#include <cstdint>

namespace r1::rewards::sandbox {

/// Whether this build has libseccomp.
bool has_syscall_filter();

/// Installs the filter of the run phase: an allow-list of calls that computing needs; all other
/// calls fail with EPERM. The process can therefore create no process, thread or socket, open no
/// file for writing, rename or remove no file, send no signal to other processes, and use no
/// tracing, namespace or io_uring. One program may be started, by an execve whose path is at the
/// address `program_path`; the address must be unguessable, because a filter sees addresses and not
/// strings. no_new_privs must be set. Returns errno; 0: success.
int install_run_filter(std::uint64_t program_path);

/// Installs the filter of the compile phase, in which a trusted compiler reads hostile text: no
/// socket, no signal to other processes, no tracing, no namespace, no change of the process group.
/// Landlock restricts the files.
int install_compile_filter();

}  // namespace r1::rewards::sandbox
