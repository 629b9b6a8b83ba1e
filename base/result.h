// Result<T, E>: a value or the reason why there is none. Freestanding; for
// small, trivially destructible-or-movable types in host, guest and simulator.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

namespace candor {

template <typename E>
struct Error {
  E value;
};
template <typename E>
Error(E) -> Error<E>;

/// Holds either a T (`ok()`) or an E. Reading the one that is not there is a
/// bug and traps, in release builds too.
template <typename T, typename E>
class [[nodiscard]] Result {
 public:
  Result(T value) : ok_(true) { new (&storage_.value) T(std::move(value)); }
  Result(Error<E> error) : ok_(false) { new (&storage_.error) E(std::move(error.value)); }
  Result(Result&& other) noexcept : ok_(other.ok_) {
    if (ok_)
      new (&storage_.value) T(std::move(other.storage_.value));
    else
      new (&storage_.error) E(std::move(other.storage_.error));
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() {
    if (ok_)
      storage_.value.~T();
    else
      storage_.error.~E();
  }

  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }

  T& value() & { return check(ok_), storage_.value; }
  const T& value() const& { return check(ok_), storage_.value; }
  T&& value() && { return check(ok_), std::move(storage_.value); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const E& error() const { return check(!ok_), storage_.error; }

 private:
  static void check(bool holds) {
    if (!holds) __builtin_trap();
  }
  union Storage {
    Storage() {}
    ~Storage() {}
    T value;
    E error;
  } storage_;
  bool ok_;
};

/// For operations that yield nothing but may fail.
struct Done {};

}  // namespace candor
