// A VM's area as candord maps it, and the host's lines in it that candord
// writes: answers to claims and what vCPUs may know. Word by word, so that a
// guest that reads meanwhile sees old or new words, never torn ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "abi/candor.h"
#include "base/result.h"
#include "sched/scheduler.h"

namespace candor::host {

class SharedArea {
 public:
  /// Maps the memory behind `fd`, which must be a memfd of at least CANDOR_AREA_BYTES, sealed
  /// against shrinking and growing: nobody can take a page away from under candord. Does not keep `fd`.
  static Result<SharedArea, std::string> map(int fd);
  SharedArea(SharedArea&& other) noexcept;
  SharedArea& operator=(SharedArea&&) = delete;
  SharedArea(const SharedArea&) = delete;
  ~SharedArea();

  [[nodiscard]] const std::byte* bytes() const { return base_; }

  /// Says that a scheduler reads this area, with these CANDOR_FEATURE_* bits besides those of others.
  void open(std::uint32_t features);
  /// ... and that none does any longer.
  void close();

  /// Answers the terms of this serial and wakes who waits for the answer.
  void answer(std::uint32_t slot, std::uint32_t serial, const sched::Answer& answer);
  /// The changing part of an admitted claim's line.
  void claim(std::uint32_t slot, const sched::ClaimView& view);
  /// Tells the vCPU that an answer has changed. It looks when it next unmasks or idles.
  void claims_changed(std::uint32_t vcpu);

  /// A real-time vCPU's line. `processor` is the host's number of it, or ~0.
  void realtime_vcpu(std::uint32_t vcpu, std::uint32_t processor, const sched::VcpuView& view);
  /// A fair vCPU's: only what candord knows of it.
  void fair_vcpu(std::uint32_t vcpu, bool wanted, Time waiting_key);
  void stolen(std::uint32_t vcpu, std::uint64_t stolen_ns);
  /// The processor the VM process has written for a fair vCPU; ~0: floats.
  [[nodiscard]] std::uint32_t processor(std::uint32_t vcpu) const;

 private:
  explicit SharedArea(std::byte* base) : base_(base) {}
  [[nodiscard]] candor_host_vcpu& vcpu_line(std::uint32_t vcpu) const;
  [[nodiscard]] candor_host_thread& thread_line(std::uint32_t slot) const;

  std::byte* base_;
};

}  // namespace candor::host
