// Reads what a guest publishes in its area. Every word there is hostile and may
// change at any moment, so each read takes one private copy, under its sequence
// count where it has one: at most kAttempts tries, then the last good copy.
//
// Context: one caller at a time for each reader. Nothing allocates after construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "abi/candor.h"
#include "sched/types.h"

namespace candor::host {

/// What a vCPU said about itself. Counts and indices are within their bounds.
struct VcpuCopy {
  std::uint32_t running = CANDOR_NO_THREAD;      // below CANDOR_MAX_THREADS, or CANDOR_NO_THREAD
  std::uint32_t next_thread = CANDOR_NO_THREAD;  // that next_timer_ns will wake; likewise
  std::uint32_t ready_count = 0;                 // at most CANDOR_MAX_READY
  std::uint64_t next_timer_ns = CANDOR_NO_TIME;
  std::array<candor_ready, CANDOR_MAX_READY> ready{};  // threads below CANDOR_MAX_THREADS
};

struct TermsCopy {
  std::uint32_t serial = 0;
  sched::ClaimRequest request;
};

class AreaReader {
 public:
  /// A guest that writes back to back makes every attempt fail: few is enough.
  static constexpr int kAttempts = 4;

  /// `area`: CANDOR_AREA_BYTES, readable and page-aligned, outliving this. `vcpus` at most CANDOR_MAX_VCPUS.
  AreaReader(const std::byte* area, std::uint32_t vcpus);

  /// The serial of a slot's terms now; odd while they are being written.
  [[nodiscard]] std::uint32_t serial(std::uint32_t slot) const;
  /// A slot's terms; nothing while they are being written.
  [[nodiscard]] std::optional<TermsCopy> terms(std::uint32_t slot) const;
  /// A slot's job line, or the last good copy of it.
  const sched::JobReport& job(std::uint32_t slot);
  /// A vCPU's line and ready list, or the last good copy. Valid until the next call for the same vCPU.
  const VcpuCopy& vcpu(std::uint32_t vcpu);
  /// enum candor_vcpu_state; whatever else the guest wrote counts as running.
  [[nodiscard]] std::uint32_t vcpu_state(std::uint32_t vcpu) const;
  /// Zero-terminated; characters that do not print are replaced by '?'.
  [[nodiscard]] std::array<char, CANDOR_NAME_BYTES> thread_name(std::uint32_t slot) const;

 private:
  [[nodiscard]] const std::byte* slot_at(std::uint32_t slot) const;
  [[nodiscard]] const std::byte* page_at(std::uint32_t vcpu) const;

  const std::byte* area_;
  std::array<sched::JobReport, CANDOR_MAX_THREADS> jobs_{};
  std::vector<VcpuCopy> vcpus_;
};

}  // namespace candor::host
