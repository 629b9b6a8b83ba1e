// Memory for a fixed number of objects of one kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "guest/clock.h"
#include "guest/wait_queue.h"

namespace candor {

namespace kernel {

/// What Pool does, for blocks of bytes.
class BlockPool {
 public:
  /// `memory`: `blocks` of `block_bytes` each, which have room for a pointer. `taken`: a bit for each.
  constexpr BlockPool(std::byte* memory, std::size_t block_bytes, std::size_t blocks, std::uint64_t* taken)
      : memory_(memory), block_bytes_(block_bytes), blocks_(blocks), taken_(taken) {}
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  [[nodiscard]] void* take(WaitLimit limit);
  void give_back(void* block);
  /// Panics unless it is a block of this pool that is taken.
  void expect_taken(const void* block) const;
  [[nodiscard]] std::size_t available() const {
    return blocks_ - __atomic_load_n(&in_use_, __ATOMIC_RELAXED);
  }

 private:
  struct Wait;
  struct Free {
    Free* next;
  };
  [[nodiscard]] bool is_taken(std::size_t n) const { return (taken_[n / 64] >> n % 64 & 1) != 0; }
  void flip(std::size_t n) { taken_[n / 64] ^= std::uint64_t{1} << n % 64; }
  [[nodiscard]] std::size_t number_of(const void* block) const;

  WaitQueue waiting_;
  std::byte* memory_;
  std::size_t block_bytes_, blocks_;
  std::uint64_t* taken_;
  Free* free_ = nullptr;
  std::size_t fresh_ = 0;  // blocks from here on were never taken
  std::size_t in_use_ = 0;
};

}  // namespace kernel

/// Up to `kMost` objects, in memory of its own: nothing comes from the heap, taking and giving back take
/// constant time, and who finds none can wait for one. Of those that wait the most urgent is served first.
/// Static or in other objects; must outlive its use, and all its objects must be destroyed before it, or it
/// panics.
///
///   Pool<Packet, 32> packets;
///   if (Packet* p = packets.try_create(header)) ...
///   packets.destroy(p);
template <typename T, std::size_t kMost>
class Pool {
  static_assert(kMost > 0);

 public:
  constexpr Pool() : blocks_(memory_, sizeof(Block), kMost, taken_) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// An object made from `arguments`, waited for as long as it takes. Threads only.
  template <typename... Arguments>
  [[nodiscard]] T* create(Arguments&&... arguments) {
    return make(blocks_.take(kernel::WaitLimit::none()), std::forward<Arguments>(arguments)...);
  }
  /// Null if there are `kMost` already. Any context that T's constructor may be called from.
  template <typename... Arguments>
  [[nodiscard]] T* try_create(Arguments&&... arguments) {
    return make(blocks_.take(Time{}), std::forward<Arguments>(arguments)...);
  }
  /// Null if there was room for none until then. Threads only.
  template <typename... Arguments>
  [[nodiscard]] T* try_create_until(Time until, Arguments&&... arguments) {
    return make(blocks_.take(until), std::forward<Arguments>(arguments)...);
  }
  template <typename... Arguments>
  [[nodiscard]] T* try_create_for(Duration most, Arguments&&... arguments) {
    return make(blocks_.take(now() + most), std::forward<Arguments>(arguments)...);
  }

  /// Takes back what one of these gave; null does nothing. Anything else, and what was given back before, is
  /// a bug, and panics. Any context that T's destructor may be called from.
  void destroy(T* object) {
    if (object == nullptr) return;
    blocks_.expect_taken(object);
    object->~T();
    blocks_.give_back(object);
  }

  /// How many more there may be, as of a moment ago.
  [[nodiscard]] std::size_t available() const { return blocks_.available(); }

 private:
  union Block {
    Block* next;
    alignas(T) std::byte object[sizeof(T)];
  };
  template <typename... Arguments>
  static T* make(void* block, Arguments&&... arguments) {
    return block != nullptr ? new (block) T(std::forward<Arguments>(arguments)...) : nullptr;
  }

  alignas(Block) std::byte memory_[kMost * sizeof(Block)] = {};
  std::uint64_t taken_[(kMost + 63) / 64] = {};
  kernel::BlockPool blocks_;
};

}  // namespace candor
