#pragma once
// Seccomp filters: which system calls a confined process has. Built with libseccomp, where the
// build found it.
#include <cstdint>

namespace r1::rewards::sandbox {

/// Whether this build has libseccomp.
bool has_syscall_filter();

/// The run phase: a list of what computing needs; all else fails with EPERM. So no new process or
/// thread, no program but one, no socket, no file opened for writing or created, none renamed or
/// removed, no signal to others, no tracing, no namespace, no io_uring. The one program is started
/// by an execve whose path lies at the address `program_path`, which must be unguessable: a filter
/// sees addresses, not strings. no_new_privs must be set. Returns errno; 0: done.
int install_run_filter(std::uint64_t program_path);

/// The compile phase, for a compiler that we trust with an input that we do not: no socket, no
/// signal to others, no tracing, no namespace, no change of process group; files are Landlock's.
int install_compile_filter();

}  // namespace r1::rewards::sandbox
