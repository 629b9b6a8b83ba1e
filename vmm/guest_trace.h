// Reads the traces that a guest's vCPUs keep in its RAM (docs/abi.md, section 10), while it runs and after
// its end. Every word there is hostile: place and size are taken once and checked, records are copied from
// the memory's file, so that none can fault, and what may have been overwritten meanwhile is left out.
//
// Context: one caller at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "abi/candor.h"
#include "base/result.h"
#include "vmm/area.h"

namespace candor::vmm {

class GuestTraceReader {
 public:
  /// `vcpus` at most CANDOR_MAX_VCPUS. Maps the area for reading: not to be inherited by other VMs'
  /// processes.
  static Result<GuestTraceReader, std::string> open(VmMemory memory, std::uint64_t ram_bytes,
                                                    std::uint32_t vcpus);
  GuestTraceReader(GuestTraceReader&& other) noexcept;
  GuestTraceReader& operator=(GuestTraceReader&&) = delete;
  ~GuestTraceReader();

  struct News {
    std::vector<candor_trace> records;  // oldest first; times, events and threads are the guest's word
    std::uint64_t lost = 0;             // before these, since the last call
    bool wrong = false;                 // the trace is none, and is not read any more; said once
  };
  /// What a vCPU has noted since the last call; of that the newest, if it is more than `most`.
  News take(std::uint32_t vcpu, std::uint64_t most);

  [[nodiscard]] std::uint32_t vcpus() const { return static_cast<std::uint32_t>(traces_.size()); }
  /// Printable; "" if it has none. `slot` below CANDOR_MAX_THREADS.
  [[nodiscard]] std::string thread_name(std::uint32_t slot) const;

 private:
  struct Trace {
    std::uint64_t offset = 0;  // in RAM
    std::uint64_t room = 0;    // records; 0: not yet known
    std::uint64_t taken = 0;   // all before this number
    bool given_up = false;
  };
  GuestTraceReader(VmMemory memory, const std::uint8_t* area, std::uint64_t ram_bytes, std::uint32_t vcpus);
  [[nodiscard]] const candor_guest_vcpu& page(std::uint32_t vcpu) const;
  bool locate(const candor_guest_vcpu& page, Trace& trace) const;
  bool copy(const Trace& trace, std::uint64_t first, std::vector<candor_trace>& to) const;

  VmMemory memory_;
  const std::uint8_t* area_;
  std::uint64_t ram_bytes_;
  std::vector<Trace> traces_;  // by vCPU
};

}  // namespace candor::vmm
