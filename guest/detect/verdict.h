// Where the guest runs: what the three ways of finding out say, and what follows from all of them. Pure;
// tested on the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "abi/candor.h"
#include "guest/format.h"

namespace candor::detect {

enum class HostKind : std::uint8_t {
  kUnknown,
  kHardware,
  kHypervisor,  // of somebody else
  kEmulator,    // one that translates or interprets instructions
  kCandor,
};

enum class Sure : std::uint8_t {
  kNot,
  kPerhaps,  // nothing speaks against it, or little for it
  kLikely,
  kCertain,
};

/// The ways of finding out, as bits.
enum Method : std::uint32_t { kVmcpuid = 1, kCpuid = 2, kTiming = 4, kAllMethods = 7 };

/// A text that its owner keeps; what does not fit is cut off.
class ShortText {
 public:
  static constexpr std::size_t kMost = 176;

  template <typename... Arguments>
  void set(std::string_view pattern, const Arguments&... arguments) {
    length_ = 0;
    add(pattern, arguments...);
  }
  template <typename... Arguments>
  void add(std::string_view pattern, const Arguments&... arguments) {
    const FormatArgument list[] = {FormatArgument(arguments)..., FormatArgument(0)};
    TextBuffer rest(memory_ + length_, sizeof memory_ - length_);
    rest.format(pattern, list, sizeof...(arguments));
    length_ += rest.text().size();
  }
  [[nodiscard]] std::string_view view() const { return {memory_, length_}; }

 private:
  char memory_[kMost] = {};
  std::size_t length_ = 0;
};

/// What one way says.
struct Finding {
  HostKind kind = HostKind::kUnknown;
  Sure sure = Sure::kNot;
  ShortText name;  // of the host; empty where its kind says all that is known
  ShortText evidence;
};

/// What the synthetic instruction did.
struct VmcpuidObservation {
  bool undefined = false;    // it raised an invalid-opcode exception
  std::uint64_t answer = 0;  // else what it left in RAX
};
/// The ABI version that Candor's answer tells; 0 if it is none of Candor's.
constexpr std::uint32_t abi_version_in(const VmcpuidObservation& seen) {
  const bool candors = !seen.undefined && (seen.answer & 0xffffffff00000000) == CANDOR_IDENTITY;
  return candors ? static_cast<std::uint32_t>(seen.answer) : 0;
}
/// Candor for certain where the answer is Candor's. An exception says only that this is not Candor.
Finding by_vmcpuid(const VmcpuidObservation& seen);

/// What all findings say together.
struct Verdict {
  Finding here;     // who runs this guest
  Finding machine;  // Candor's process back end: the machine below it, as CPUID and timing see that one
  bool contradicted = false;  // two findings that are each at least likely do not agree
};
/// The most certain finding counts, of equals the first; Candor is `here` wherever a finding names it.
Verdict combine(std::span<const Finding> findings);

/// "Candor", "KVM", "hardware", "a hypervisor" and so on.
std::string_view name_of(const Finding& finding);
std::string_view name_of(Sure sure);

}  // namespace candor::detect
