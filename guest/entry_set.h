// Elements that each stand in an entry of an array elsewhere, in no order: what
// a vCPU publishes as ready. A change rewrites the entries it concerns and no
// other, however many there are. Pure; tested on the host.
#pragma once

#include <array>
#include <cstdint>

namespace candor::kernel {

/// Which entry an element has; kept in the element.
struct EntryHook {
  static constexpr std::uint32_t kNone = ~0u;
  std::uint32_t index = kNone;
};

/// At most kMost elements, which are at most 64.
template <typename T, EntryHook T::*Hook, std::uint32_t kMost>
class EntrySet {
  static_assert(kMost <= 64);

 public:
  [[nodiscard]] std::uint32_t size() const { return size_; }

  /// Precondition: the element is not in a set, and this one has room.
  void add(T* element) { place(element, size_++); }

  /// The last takes its place. Removing what is not in the set does nothing.
  void remove(T* element) {
    EntryHook& hook = element->*Hook;
    if (hook.index == EntryHook::kNone) return;
    T* last = elements_[--size_];
    if (last != element) place(last, hook.index);
    hook.index = EntryHook::kNone;
  }

  /// Calls write(entry, element) for each entry in use, below `limit`, that has changed since it was written.
  template <typename F>
  void write_changes(std::uint32_t limit, F&& write) {
    const std::uint64_t used = low_bits(size_ < limit ? size_ : limit);
    for (std::uint64_t left = changed_ & used; left != 0; left &= left - 1) {
      const auto entry = static_cast<std::uint32_t>(__builtin_ctzll(left));
      write(entry, *elements_[entry]);
    }
    changed_ &= ~used;
  }

 private:
  static constexpr std::uint64_t low_bits(std::uint32_t n) { return n < 64 ? (1ull << n) - 1 : ~0ull; }

  void place(T* element, std::uint32_t entry) {
    elements_[entry] = element;
    (element->*Hook).index = entry;
    changed_ |= 1ull << entry;
  }

  std::array<T*, kMost> elements_{};
  std::uint32_t size_ = 0;
  std::uint64_t changed_ = 0;
};

}  // namespace candor::kernel
