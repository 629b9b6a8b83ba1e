// What the scheduler keeps of each admitted claim, each vCPU and each VM. Private to sched/.
#pragma once

#include <array>
#include <vector>

#include "sched/levels.h"
#include "sched/order.h"
#include "sched/order_tree.h"
#include "sched/pending.h"
#include "sched/server.h"
#include "sched/types.h"

namespace candor::sched {

struct Vm;
struct Vcpu;

struct Claim : OrderNode {
  Vm* vm = nullptr;
  Vcpu* carrier = nullptr;
  Claim* next_carried = nullptr;  // of the same vCPU
  std::uint32_t thread = 0;
  std::uint32_t ppm = 0;
  ClaimServer server;

  // Its processor's.
  bool in_order = false;
  bool overdrawn = false;       // at the last decision
  bool decided = false;         // there was one
  bool stale = false;           // the order does not know its look and moment yet
  Time passed = Time::never();  // when the claim behind it comes before it
  PendingLink<Claim> touched;
  bool held = false;  // has no budget before the processor is settled
  Time not_before{};  // nor before this

  [[nodiscard]] Claim* behind() const { return static_cast<Claim*>(next); }
};

struct Vcpu : Levelled {
  Vm* vm = nullptr;
  std::uint32_t index = 0;
  bool realtime = false;
  std::uint32_t processor = kNone;
  Claim* carried = nullptr;  // its claims, in no order
  std::uint32_t claims = 0;
  std::uint32_t load_ppm = 0;
  bool charged = false;  // total is known
  Duration total;

  // Its processor's.
  Claim* leader = nullptr;  // the first of its claims that is not exhausted
  int imposed = 0;          // the level that the caller was told last
  PendingLink<Vcpu> moved;
};

/// What a vCPU said about itself.
struct PublishedVcpu {
  std::uint32_t state = CANDOR_VCPU_WAITING;
  std::uint32_t running = CANDOR_NO_THREAD;
  Time next_timer = Time::never();
  std::uint32_t ready_count = 0;
  std::array<candor_ready, CANDOR_MAX_READY> ready;
};

/// What a thread without a claim said about itself.
struct Unclaimed {
  candor_class cls = CANDOR_CLASS_NONE;
  JobReport job;
};

struct Vm {
  VmId id = 0;
  Entitlement entitlement;
  std::uint32_t used_ppm = 0;
  // Of claims given up whose rates have not made up yet for what they used (changes.cc).
  std::uint64_t gone_ppm = 0;
  Time gone_until{};
  std::vector<Vcpu> vcpus;  // never resized
  std::array<Claim*, CANDOR_MAX_THREADS> claims{};
  // For the run list and for fair vCPUs: apart, as the decision path needs none of it.
  std::vector<PublishedVcpu> published;  // one of each vCPU
  std::vector<Unclaimed> unclaimed;      // CANDOR_MAX_THREADS
};

/// Where it stands, with what its server says now.
[[nodiscard]] inline Standing standing_of(const Claim& claim) {
  return standing_of(claim.server, claim.vm->id, claim.thread);
}

/// The same for first_difference(), which says why. A claim that is exhausted has no place.
[[nodiscard]] inline Place place_of(const Claim& claim, Time now) {
  const Terms& terms = claim.server.terms();
  return {.overdrawn = claim.server.overdrawn(),
          .cls = terms.cls,
          .priority = terms.priority,
          .deadline = claim.server.effective_deadline(now),
          .remaining = claim.server.remaining(),
          .vm = claim.vm->id,
          .thread = claim.thread};
}

}  // namespace candor::sched
