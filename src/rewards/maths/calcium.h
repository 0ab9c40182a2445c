#pragma once
// Includes Calcium's header in C++. Inline functions of the header assign the void pointer of
// flint_malloc to other pointer types, which only C allows. FLINT 3 contains the header as
// flint/ca.h.
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
