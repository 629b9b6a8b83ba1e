// What the C++ library calls when it is used wrongly: where it would throw, the guest panics.
#include <memory>

#include "guest/panic.h"

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier): the names are the library's.
namespace std {

[[gnu::noreturn]] void __throw_bad_alloc() {
  candor::panic("std::bad_alloc");
}
[[gnu::noreturn]] void __throw_bad_array_new_length() {
  candor::panic("std::bad_array_new_length");
}
[[gnu::noreturn]] void __throw_bad_function_call() {
  candor::panic("an empty std::function was called");
}
[[gnu::noreturn]] void __throw_invalid_argument(const char* what) {
  candor::panic("invalid argument: {}", what);
}
[[gnu::noreturn]] void __throw_out_of_range(const char* what) {
  candor::panic("out of range: {}", what);
}

/// With _GLIBCXX_ASSERTIONS, which an application may define.
[[gnu::noreturn]] void __glibcxx_assert_fail(const char* file, int line, const char* function,
                                             const char* condition) {
  candor::panic("{}:{}: {}: {} does not hold", file, line, function, condition);
}

/// Asked where two objects might describe the same type; without run-time type information there is but one.
bool _Sp_make_shared_tag::_S_eq(const type_info&) noexcept {
  return false;
}

}  // namespace std

/// Of the C library: std::shared_ptr counts without atomic operations where it is true.
extern "C" {
char __libc_single_threaded = 0;
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
