// The composite scheduler: every VM's entitlement and claims in, one order per
// processor and its ranks out. It knows nothing of threads, clocks or files:
// candord and the tests drive the same object code.
//
// Context: one caller at a time. Nothing allocates but the constructor,
// add_vm() and run_list(). Times lie in [0, kFarNs) and never go back.
//
// How a processor's claims are served, in terms of calls:
//   claim()            once per change of terms (rare)
//   publish(), charge() for each claim or vCPU of a processor that may have changed or run, then
//   decide()           -> rank changes to impose, and when to look again
//
// Costs: n claims on the processor in question, whatever else there is. publish(), charge(), decide() and
// claim_view() take O(log n), see processor.h for what that leaves out; finding a VM, O(1).
#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "sched/admission.h"
#include "sched/claim.h"
#include "sched/levels.h"
#include "sched/order.h"
#include "sched/processor.h"
#include "sched/types.h"

namespace candor::sched {

/// A real-time vCPU is to run at SCHED_FIFO `level`, or as fair when 0.
struct RankChange {
  VmId vm = 0;
  std::uint32_t vcpu = 0;
  int level = 0;
};

struct Decision {
  /// Impose in this sequence: raises first, those to the highest level first of all, then the others, those
  /// to the lowest first. So no vCPU is put below one it precedes at any moment. Valid until the next call of
  /// any non-const member.
  std::span<const RankChange> changes;
  /// decide() again by then, even if nothing is said: the earliest look of all claims (server.h), or when a
  /// blocked claim's deadline falls behind one that stands still. At least kLeastLook away.
  Time next = Time::never();
};

/// Why a real-time vCPU has the level it has, or none.
struct Explanation {
  int level = 0;
  /// Whose claim gives it that level: the first of the vCPU's. Without a level: whose next budget comes
  /// first, as all are exhausted; kNone: it carries none.
  std::uint32_t thread = kNone;
  candor_class cls = CANDOR_CLASS_NONE;  // that claim's, as the next three
  std::uint32_t priority = 0;            // of fixed claims
  Time deadline = Time::never();         // effective
  Time replenish = Time::never();        // without a level: when its next budget comes
  /// The claim right before it, and the rule that puts it behind that one. kNone: it is the first.
  VmId behind_vm = 0;
  std::uint32_t behind_thread = kNone;
  OrderReason behind_previous = OrderReason::kSame;
  /// The claim right behind it, and the rule that puts that one there. kNone: it is the last with a budget.
  VmId ahead_vm = 0;
  std::uint32_t ahead_thread = kNone;
  OrderReason ahead_of_next = OrderReason::kSame;
};

/// What candord writes into a vCPU's host line.
struct VcpuView {
  std::uint32_t processor = kNone;  // kNone: floats
  std::uint32_t sole = 0;           // known of fair vCPUs only
  std::uint32_t wanted = 0;
  std::uint32_t preempted = 0;
  std::uint32_t ring_at_job_end = 0;
  std::uint32_t rank = 0;  // 1 is first; 0: none
  Time waiting_key = Time::never();
};

/// What candord writes into a thread's host line while it holds a claim.
struct ClaimView {
  candor_claim_status status = CANDOR_CLAIM_NONE;
  std::uint32_t vcpu = kNone;
  std::uint32_t processor = kNone;
  std::uint32_t ppm = 0;  // what it takes of its VM's bandwidth
  Duration period;
  Time server_deadline = Time::never();
  Time replenish;  // meaningful while exhausted
  bool active = false;
};

/// What a vCPU said about itself; `ready` is copied.
struct VcpuReport {
  std::uint32_t state = CANDOR_VCPU_WAITING;  // enum candor_vcpu_state
  std::uint32_t running = CANDOR_NO_THREAD;
  Time next_timer = Time::never();
  std::span<const candor_ready> ready;  // at most CANDOR_MAX_READY are kept
};

/// RunListItem.state of a thread that runs; below it, enum candor_thread_state.
inline constexpr std::uint32_t kThreadRunning = 4;

/// One line of the composite run list: a thread and why it stands there.
struct RunListItem {
  std::uint32_t processor = kNone;  // kNone: floats
  VmId vm = 0;
  std::uint32_t thread = 0;
  std::uint32_t vcpu = 0;  // kNone: not known
  std::uint32_t state = 0;
  candor_class cls = CANDOR_CLASS_NONE;  // counts as, now
  std::uint32_t priority = 0;            // of fixed claims
  int level = 0;
  Time release = Time::never();
  Time deadline = Time::never();  // effective
  Duration expected;              // 0: unknown
  bool exhausted = false;
  /// The rule that puts it behind the item before it; kSame for the first claim
  /// of a processor and the first of those without a claim.
  OrderReason behind_previous = OrderReason::kSame;
};

class Scheduler {
 public:
  /// `processors` in [1, capacity.processors]; they are numbered from 0.
  explicit Scheduler(std::uint32_t processors, LevelRange levels = {}, Capacity capacity = {},
                     const ProcessorModel& model = {});
  ~Scheduler();

  /// False: the number is taken, there is no room for one more, or the counts are out of range.
  [[nodiscard]] bool add_vm(VmId id, const Entitlement& entitlement);
  /// Forgets the VM; its ranks are the caller's to take back. Unknown: no effect.
  void remove_vm(VmId id, Time now);
  [[nodiscard]] const Entitlement* entitlement(VmId id) const;

  /// Terms of a thread, new or changed: what the thread had before is given up
  /// first, also if the answer is a refusal; so charge() its vCPU before. A fair, background or absent class
  /// gives up its claim (status none). `thread` below CANDOR_MAX_THREADS. The first budget of what is
  /// admitted may lie ahead (changes.cc); until then its status is exhausted.
  Answer claim(VmId vm, std::uint32_t thread, const ClaimRequest& request, Time now);
  void release(VmId vm, std::uint32_t thread, Time now);

  /// The vCPUs that the last claim() moved to other processors to make room (packing.cc), or the last
  /// lose_processor() from there. Valid until the next of either.
  struct Move {
    VmId vm;
    std::uint32_t vcpu;
    std::uint32_t from, to;  // processors
  };
  [[nodiscard]] std::span<const Move> moves() const { return moves_; }

  /// The host has this processor no more, for the time being: its vCPUs are moved (moves()), and claims that
  /// fit nowhere else are given up (loss.cc). publish() and charge() its claims before. Returns those given
  /// up, for their guests to be told, or to be claimed anew; valid until the next call. No effect on one that
  /// is lost.
  struct ClaimId {
    VmId vm;
    std::uint32_t thread;
    std::uint32_t vcpu;
  };
  std::span<const ClaimId> lose_processor(std::uint32_t processor, Time now);
  /// It is back, and carries nothing. No effect on one that is not lost.
  void regain_processor(std::uint32_t processor);

  /// A claim's job line. Threads without a claim: no effect.
  void publish(VmId vm, std::uint32_t thread, const JobReport& job, Time now);
  /// A thread without a claim: its class and job line, for the run list only.
  /// CANDOR_CLASS_NONE: there is no such thread. Threads with a claim: no effect.
  void publish_unclaimed(VmId vm, std::uint32_t thread, candor_class cls, const JobReport& job);
  /// A vCPU's published line and ready list.
  void publish_vcpu(VmId vm, std::uint32_t vcpu, const VcpuReport& report);
  /// Where a fair vCPU is placed; kNone (the default): it floats.
  void place_fair(VmId vm, std::uint32_t vcpu, std::uint32_t processor);

  /// Total processor time of a real-time vCPU so far. Held against the claim
  /// it carries; where it carries several, against the first active one.
  void charge(VmId vm, std::uint32_t vcpu, Duration total, Time now);
  /// Time a fair vCPU used with the rank of this claim (a lock inherited it).
  void charge_borrowed(VmId vm, std::uint32_t thread, Duration used, Time now);

  /// The order of one processor now.
  Decision decide(std::uint32_t processor, Time now);

  /// For a vCPU among the changes of the last decide(), before any other call of a non-const member, with the
  /// same time: agrees with run_list(). O(1), and O(c) for one without a level that carries c claims. Apart,
  /// so that a decision that nobody asks about does not pay for it.
  [[nodiscard]] Explanation explain(VmId vm, std::uint32_t vcpu, Time now) const;

  /// Of a real-time vCPU: O(n) for the first on its processor after a change there, O(log n) for the others.
  /// Of a fair one: O(all vCPUs of all VMs), so not for the path of an event.
  [[nodiscard]] VcpuView vcpu_view(VmId vm, std::uint32_t vcpu, Time now) const;
  [[nodiscard]] ClaimView claim_view(VmId vm, std::uint32_t thread, Time now) const;
  /// The claims of a processor in their order at the last decide(), those admitted since included. O(n).
  void claims_on(std::uint32_t processor, std::vector<ClaimId>& out) const;
  [[nodiscard]] std::uint32_t used_ppm(std::uint32_t processor) const;

  /// The whole composite list, first place first, processor by processor, then
  /// what floats. `out` is replaced. May allocate: not for the decision path.
  void run_list(Time now, std::vector<RunListItem>& out) const;

  [[nodiscard]] std::uint32_t processors() const { return static_cast<std::uint32_t>(cpus_.size()); }

 private:
  [[nodiscard]] Vm* find(VmId id) const;
  [[nodiscard]] Claim* find_claim(VmId id, std::uint32_t thread) const;
  [[nodiscard]] bool fits(std::uint32_t processor, const Terms& terms) const;
  [[nodiscard]] bool fits(std::uint32_t processor, const Vcpu& vcpu) const;
  void sort_by_use();  // available_: the emptiest first
  void drop(Claim* claim, Time now);
  static void note_gone(const Claim& claim, Time now);
  Answer admit(Vm& vm, std::uint32_t thread, const Terms& terms, std::uint32_t previous_vcpu, Time now);
  void list_claims(std::uint32_t processor, Time now, std::vector<RunListItem>& out,
                   std::vector<RunListItem>& fair) const;
  void list_unclaimed(const Vm& vm, std::vector<RunListItem>& fair) const;
  [[nodiscard]] bool uses(const Vcpu& vcpu, std::uint32_t processor) const;

  Capacity capacity_;
  std::unordered_map<VmId, std::unique_ptr<Vm>> vms_;
  mutable Vm* found_ = nullptr;  // the last: what a VM has done is mostly told in several calls
  std::vector<Claim> pool_;
  std::vector<Claim*> free_;
  // A vCPU with its claims, and where it is to be.
  struct Unit {
    Vcpu* vcpu = nullptr;  // none: the new claim's
    std::uint32_t use_ppm = 0;
    std::uint32_t processor = kNone;
    bool stays = false;
    Claim* claims = nullptr;  // on their way
  };
  [[nodiscard]] std::uint32_t repack(const Terms& terms, Time now);
  void collect_units(const Terms& terms, Time now);
  void displace_units();
  [[nodiscard]] bool place_units(const Terms& terms, bool fullest_first);
  [[nodiscard]] bool make_room(const Terms& terms, Time now);
  [[nodiscard]] bool welcomes(std::uint32_t processor, const Vcpu& vcpu, Time now) const;
  [[nodiscard]] bool undisturbed(Time now) const;
  [[nodiscard]] bool search_units(const Terms& terms, Time now);
  [[nodiscard]] bool search_from(std::size_t first, const Terms& terms, Time now, int& tries);
  [[nodiscard]] bool unit_fits(const Unit& unit, std::uint32_t processor, const Terms& terms);
  void move_units(Time now);
  [[nodiscard]] Claim* take_off(Vcpu& vcpu);
  void put_on(Vcpu& vcpu, Claim* claims, std::uint32_t processor, Time now);

  std::vector<Unit> units_;  // scratch of repack()
  std::vector<std::uint32_t> unit_use_;
  std::vector<Move> moves_;
  std::vector<ClaimId> revoked_;
  const ProcessorModel model_;
  OrderBlocks blocks_;
  std::vector<Processor> cpus_;
  std::vector<std::uint32_t> available_;  // processors that are not lost, in no order
  std::size_t realtime_vcpus_ = 0;
  // Scratch.
  mutable std::vector<Terms> terms_;
  std::vector<Demand> demands_;
  std::vector<Levelled*> changed_;
  std::vector<RankChange> changes_;
};

}  // namespace candor::sched
