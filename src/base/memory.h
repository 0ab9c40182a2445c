#pragma once
// Memory that the allocator holds back.

namespace r1::base {

/// Hands freed heap memory back to the system. glibc keeps what many threads have freed: between
/// the stages of a pipeline that was seen to be three quarters of a process. Does nothing with
/// other C libraries.
void return_free_memory();

}  // namespace r1::base
