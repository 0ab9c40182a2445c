#pragma once
// Calcium's header for C++: its inline functions take what flint_malloc returns as any pointer, as
// C does. FLINT 3 holds it as flint/ca.h.
#if __has_include(<calcium/ca.h>)
#include <acb.h>
#include <antic/nf_elem.h>
#include <flint/fmpz_mpoly.h>

namespace r1::rewards::maths {

struct AnyPointer {
  void* pointer;
  template <class T>
  operator T*() const {
    return static_cast<T*>(pointer);
  }
};

}  // namespace r1::rewards::maths

#define flint_malloc(...) (r1::rewards::maths::AnyPointer{flint_malloc(__VA_ARGS__)})
#define flint_realloc(...) (r1::rewards::maths::AnyPointer{flint_realloc(__VA_ARGS__)})
#define flint_calloc(...) (r1::rewards::maths::AnyPointer{flint_calloc(__VA_ARGS__)})
#include <calcium/ca.h>
#undef flint_malloc
#undef flint_realloc
#undef flint_calloc
#else
#include <flint/ca.h>
#endif
