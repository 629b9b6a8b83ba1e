// The shared area of one VM as its VM process sees it (docs/abi.md §4).
#pragma once

#include <cstdint>
#include <string>

#include "abi/candor.h"
#include "base/result.h"
#include "os/fd.h"

namespace candor::vmm {

/// Owns the area's memfd, sealed against resizing so that no mapping of it can
/// be made to fault. What the guest can write is hostile: read each word once,
/// with load(), and check it.
class Area {
 public:
  static Result<Area, std::string> create();
  /// Of memory that somebody made for it (make_vm_memory()).
  static Result<Area, std::string> map(Fd memory);
  Area(Area&& other) noexcept;
  Area& operator=(Area&&) = delete;
  ~Area();

  [[nodiscard]] int fd() const { return fd_.get(); }

  // Written by the host.
  [[nodiscard]] candor_host_page& host_page() const { return at<candor_host_page>(CANDOR_OFF_HOST_PAGE); }
  [[nodiscard]] candor_host_vcpu& host_vcpu(std::uint32_t i) const {
    return (&at<candor_host_vcpu>(CANDOR_OFF_HOST_VCPUS))[i];
  }

  // Written by the guest.
  [[nodiscard]] candor_guest_page& guest_page() const { return at<candor_guest_page>(CANDOR_OFF_GUEST_PAGE); }
  [[nodiscard]] candor_guest_vcpu& vcpu(std::uint32_t i) const {
    return (&at<candor_guest_vcpu>(CANDOR_OFF_VCPUS))[i];
  }
  [[nodiscard]] candor_thread& thread(std::uint32_t i) const {
    return (&at<candor_thread>(CANDOR_OFF_THREADS))[i];
  }
  [[nodiscard]] candor_thread_stats& stats(std::uint32_t i) const {
    return (&at<candor_thread_stats>(CANDOR_OFF_STATS))[i];
  }
  [[nodiscard]] const std::uint8_t* console() const { return base_ + CANDOR_OFF_CONSOLE; }

 private:
  Area(Fd fd, std::uint8_t* base) : fd_(std::move(fd)), base_(base) {}
  template <typename T>
  T& at(std::size_t offset) const {
    return *reinterpret_cast<T*>(base_ + offset);
  }

  Fd fd_;
  std::uint8_t* base_;
};

/// One read of a word that somebody else may be writing.
template <typename T>
T load(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
template <typename T>
void store(T& word, T value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

/// Bytes that a guest wrote, as text that cannot do anything to a terminal:
/// up to the first zero byte, other than printable ASCII replaced by '?'.
std::string printable(const char* text, std::size_t limit);

/// A memfd of `bytes` zeros that can neither shrink nor grow.
Result<Fd, std::string> make_sealed_memory(const char* name, std::uint64_t bytes);

/// All that a VM remembers. It lasts for as long as somebody has the descriptors.
struct VmMemory {
  Fd area, ram;
};
Result<VmMemory, std::string> make_vm_memory(std::uint64_t ram_bytes);

}  // namespace candor::vmm
