// A ring of bytes in shared memory: `head` counts the bytes written, `tail` those taken, both
// modulo 2^32, and byte n stands at n modulo the ring's size, a power of two (docs/abi.md §4.3).
//
// Either end may be in the hands of a guest: whatever stands in the other side's word, nothing
// outside of the ring is touched. Freestanding.
#pragma once

#include <cstdint>

namespace candor::devices {

/// The end that writes. It alone changes `head`.
class RingWriter {
 public:
  RingWriter(std::uint32_t& head, const std::uint32_t& tail, std::uint8_t* bytes, std::uint32_t size)
      : head_(head), tail_(tail), bytes_(bytes), size_(size) {}

  /// Bytes that it takes now; 0 if the other side claims to have taken more than there was.
  [[nodiscard]] std::uint32_t room() const {
    const std::uint32_t used =
        __atomic_load_n(&head_, __ATOMIC_RELAXED) - __atomic_load_n(&tail_, __ATOMIC_ACQUIRE);
    return used <= size_ ? size_ - used : 0;
  }
  /// Within room().
  void put(std::uint8_t byte) {
    const std::uint32_t head = __atomic_load_n(&head_, __ATOMIC_RELAXED);
    __atomic_store_n(bytes_ + head % size_, byte, __ATOMIC_RELAXED);
    // Totally ordered: who writes looks for a listener afterwards, who listens looks for bytes.
    __atomic_store_n(&head_, head + 1, __ATOMIC_SEQ_CST);
  }

 private:
  std::uint32_t& head_;
  const std::uint32_t& tail_;
  std::uint8_t* bytes_;
  std::uint32_t size_;
};

/// The end that takes. It alone changes `tail`.
class RingReader {
 public:
  RingReader(const std::uint32_t& head, std::uint32_t& tail, const std::uint8_t* bytes, std::uint32_t size)
      : head_(head), tail_(tail), bytes_(bytes), size_(size) {}

  /// Bytes that wait; 0 if the two words contradict each other.
  [[nodiscard]] std::uint32_t waiting() const {
    const std::uint32_t there =
        __atomic_load_n(&head_, __ATOMIC_SEQ_CST) - __atomic_load_n(&tail_, __ATOMIC_RELAXED);
    return there <= size_ ? there : 0;
  }
  /// Within waiting().
  std::uint8_t take() {
    const std::uint32_t tail = __atomic_load_n(&tail_, __ATOMIC_RELAXED);
    const std::uint8_t byte = __atomic_load_n(bytes_ + tail % size_, __ATOMIC_RELAXED);
    __atomic_store_n(&tail_, tail + 1, __ATOMIC_RELEASE);
    return byte;
  }

 private:
  const std::uint32_t& head_;
  std::uint32_t& tail_;
  const std::uint8_t* bytes_;
  std::uint32_t size_;
};

}  // namespace candor::devices
