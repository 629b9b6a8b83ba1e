// The composite scheduler at work on this host: it reads the VMs' areas, asks
// sched/ for the order, and imposes it on the vCPU threads.
//
// One real-time thread for each scheduled processor calls timer() and bell(),
// and only for that processor: the run times of a thread are exact only where
// it runs (run_clock.h). One control thread calls the rest. Everything is
// guarded by one mutex; timer() and bell() do not allocate.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rate_meter.h"
#include "base/result.h"
#include "host/area_reader.h"
#include "host/mutex.h"
#include "host/protocol.h"
#include "host/rank_writer.h"
#include "host/registration_check.h"
#include "host/trace_ring.h"
#include "os/fd.h"
#include "sched/scheduler.h"
#include "sched/shares.h"

namespace candor::host {

/// SCHED_FIFO priority of candord's processor threads: above every guest's
/// (sched::LevelRange), so that any rank can be taken back.
inline constexpr int kOwnLevel = 80;

/// Of the events of a processor's epoll: which of them it was.
enum class EventKind : std::uint32_t { kTimer, kBell, kStop };
constexpr std::uint64_t event_tag(EventKind kind, std::uint32_t vm = 0) {
  return std::uint64_t{static_cast<std::uint32_t>(kind)} << 32 | vm;
}

class HostScheduler {
 public:
  /// `processors`: host numbers, at most sched::Capacity{}.processors, at least one. `own_slice`: the one
  /// that the kernel gives an ordinary thread; zero: slices are left alone. `trace_entries`: as in Settings.
  HostScheduler(Policy policy, std::vector<int> processors, bool ranks, const sched::ProcessorModel& model,
                Duration own_slice = {}, std::size_t trace_entries = 0);
  ~HostScheduler();
  HostScheduler(const HostScheduler&) = delete;
  HostScheduler& operator=(const HostScheduler&) = delete;

  /// Creates what the processor threads wait on. Before any other call. Error: errno.
  Result<Done, int> open();
  /// The epoll descriptor a processor's thread waits on; events bear event_tag().
  [[nodiscard]] int events(std::uint32_t processor) const { return processors_[processor].epoll.get(); }
  [[nodiscard]] int host_number(std::uint32_t processor) const { return processors_[processor].number; }
  [[nodiscard]] std::uint32_t processors() const { return static_cast<std::uint32_t>(processors_.size()); }

  // ---- control thread
  /// Error: why this VM cannot be served, for people.
  Result<Done, std::string> add(CheckedVm vm) CANDOR_EXCLUDES(mutex_);
  /// Takes the VM's ranks back and forgets it. Unknown: no effect.
  void remove(sched::VmId vm) CANDOR_EXCLUDES(mutex_);
  /// Takes all ranks back, for good.
  void demote() CANDOR_EXCLUDES(mutex_);
  /// What changes slowly: fair shares, slices, advice to fair vCPUs, and stolen time if `stolen`. A few times
  /// a second, and each sched::Shares::kInterval while it returns true: VMs compete then.
  bool refresh(bool stolen) CANDOR_EXCLUDES(mutex_);
  void run_list(std::vector<RunListEntry>& out) CANDOR_EXCLUDES(mutex_);
  /// The next part of the trace.
  void take_trace(TraceEvents& out) CANDOR_EXCLUDES(mutex_);
  [[nodiscard]] Stats stats() CANDOR_EXCLUDES(mutex_);

  // ---- the processor's thread
  /// Before the others of these, once: this thread is pinned to that processor. While the kernel does not let
  /// it run there, the host does not have the processor (lost_processors.cc).
  void attach(std::uint32_t processor) CANDOR_EXCLUDES(mutex_);
  void timer(std::uint32_t processor) CANDOR_EXCLUDES(mutex_);
  void bell(std::uint32_t processor, sched::VmId vm) CANDOR_EXCLUDES(mutex_);

 private:
  struct Processor {
    int number = 0;
    Fd epoll;
    Fd timer;
    Time next = Time::never();   // what the order asks for
    Time armed = Time::never();  // what the timer is set to
    pid_t thread = 0;            // its own
    bool lost = false;
  };
  struct Vcpu {
    pid_t tid = 0;
    RunClock clock;
    std::uint32_t pinned = sched::kNone;  // processor
    Duration ran;                         // at the last look for borrowed time; fair vCPUs
    RunTimes shared;                      // at the last share(); all
    bool ready = false;                   // then; fair vCPUs
    std::optional<int> nice;              // fair vCPUs: what share() has set
    Duration slice;                       // the same; zero: the kernel's own
    bool sleeps = false;                  // sched::sleeps() at the last share(); fair vCPUs
  };
  struct Vm {
    Vm(CheckedVm&& checked, std::uint32_t home_processor);
    AddVm terms;
    SharedArea area;
    AreaReader reader;
    Fd bell;
    std::vector<Vcpu> vcpus;
    std::array<std::uint32_t, CANDOR_MAX_THREADS> serials{};     // terms dealt with
    std::array<candor_claim_status, CANDOR_MAX_THREADS> said{};  // status last written
    std::array<sched::Answer, CANDOR_MAX_THREADS> answers{};     // of those in `unanswered`
    std::uint64_t unanswered = 0;  // slots admitted whose rank is not set yet: answered after that
    std::uint64_t unplaced = 0;    // slots refused for lack of room
    std::uint64_t asked_anew = 0;  // slots that the guest awaits no answer for
    RateMeter bells;
    RateMeter claims;
    std::uint64_t on_processors = 0;  // where it has claims
    std::uint32_t home;               // processor whose thread hears the bell
    bool muted = false;
    Time listen_at = Time::never();  // muted, or claims left over: look again then
  };

  static constexpr std::uint64_t bit(std::uint32_t i) { return std::uint64_t{1} << i; }

  [[nodiscard]] Vm* find(sched::VmId id) CANDOR_REQUIRES(mutex_);
  void take_claims(Vm& vm, Time now) CANDOR_REQUIRES(mutex_);
  void take_claim(Vm& vm, std::uint32_t slot, const TermsCopy& terms, Time now) CANDOR_REQUIRES(mutex_);
  void answer_now(Vm& vm, std::uint32_t slot, const sched::Answer& answer, Time now) CANDOR_REQUIRES(mutex_);
  void answered(Vm& vm, std::uint32_t slot, const sched::Answer& answer, Time now) CANDOR_REQUIRES(mutex_);
  void follow_moves(Time now) CANDOR_REQUIRES(mutex_);
  [[nodiscard]] bool pin(Vm& vm, std::uint32_t vcpu, std::uint32_t processor) CANDOR_REQUIRES(mutex_);
  void claims_placed(Vm& vm) CANDOR_REQUIRES(mutex_);
  void move_bell(Vm& vm, std::uint32_t processor) CANDOR_REQUIRES(mutex_);
  void listen(Vm& vm, bool on) CANDOR_REQUIRES(mutex_);

  void look_for(std::uint32_t processor, Time now) CANDOR_REQUIRES(mutex_);
  void lose(std::uint32_t processor, Time now) CANDOR_REQUIRES(mutex_);
  void regain(std::uint32_t processor, Time now) CANDOR_REQUIRES(mutex_);
  void ask_anew(Vm& vm, std::uint64_t slots, Time now) CANDOR_REQUIRES(mutex_);
  [[nodiscard]] const std::vector<int>& usable_numbers() CANDOR_REQUIRES(mutex_);

  enum class Cause { kBell, kTimer };
  void look_at_claims(std::uint32_t processor, Time now) CANDOR_REQUIRES(mutex_);
  void serve(std::uint32_t processor, Time now, Cause cause) CANDOR_REQUIRES(mutex_);
  void charge_borrowed(Time now) CANDOR_REQUIRES(mutex_);
  void impose(const sched::RankChange& change) CANDOR_REQUIRES(mutex_);
  void trace_ranks(std::uint32_t processor, const sched::Decision& decision, Time now)
      CANDOR_REQUIRES(mutex_);
  void trace_answer(const Vm& vm, std::uint32_t slot, const sched::Answer& answer, Time now)
      CANDOR_REQUIRES(mutex_);
  void tell(std::uint32_t processor, Time now) CANDOR_REQUIRES(mutex_);
  void look_at_touched(std::uint32_t own, Time now, Cause cause) CANDOR_REQUIRES(mutex_);
  void arm(std::uint32_t processor) CANDOR_REQUIRES(mutex_);
  /// Fair vCPUs get weights, and are moved, so that VMs get their shares; and slices. True if several were
  /// hungry.
  bool share(Time now) CANDOR_REQUIRES(mutex_);
  /// What sched::next_slice() says for a fair vCPU.
  [[nodiscard]] Duration wanted_slice(Vm& vm, std::uint32_t vcpu) CANDOR_REQUIRES(mutex_);
  void set_terms(Vcpu& vcpu, int nice, Duration slice) CANDOR_REQUIRES(mutex_);
  void set_timer(std::uint32_t processor, Time at) CANDOR_REQUIRES(mutex_);

  /// Offers the VM this scheduler: its bell is heard and its claims are read.
  Result<Done, std::string> serve_claims(Vm& vm) CANDOR_REQUIRES(mutex_);
  Result<Done, std::string> impose_static(Vm& vm) CANDOR_REQUIRES(mutex_);
  [[nodiscard]] int static_level(const Vm& vm) const;
  void make_ordinary(Vm& vm) CANDOR_REQUIRES(mutex_);
  void publish_vcpus() CANDOR_REQUIRES(mutex_);
  void publish_threads(Time now) CANDOR_REQUIRES(mutex_);
  [[nodiscard]] RunListEntry entry(const sched::RunListItem& item, Time now) CANDOR_REQUIRES(mutex_);

  const Policy policy_;
  const Duration own_slice_;
  const sched::LevelRange levels_{};
  std::vector<int> numbers_;
  std::vector<Processor>
      processors_;  // number and descriptors: fixed after open(); the rest: guarded by mutex_

  Mutex mutex_;
  sched::Scheduler scheduler_ CANDOR_GUARDED_BY(mutex_);
  RankWriter ranks_ CANDOR_GUARDED_BY(mutex_);
  std::map<sched::VmId, std::unique_ptr<Vm>> vms_ CANDOR_GUARDED_BY(mutex_);
  std::vector<sched::Scheduler::ClaimId> claims_ CANDOR_GUARDED_BY(mutex_);  // scratch of serve()
  sched::Shares shares_ CANDOR_GUARDED_BY(mutex_);
  std::vector<sched::FairUse> uses_ CANDOR_GUARDED_BY(mutex_);  // scratch of share()
  std::vector<Duration> room_ CANDOR_GUARDED_BY(mutex_);        // the same
  std::vector<int> usable_ CANDOR_GUARDED_BY(mutex_);           // of usable_numbers()
  Time shared_ CANDOR_GUARDED_BY(mutex_);                       // time of the last share()
  std::uint64_t touched_ CANDOR_GUARDED_BY(mutex_) = 0;         // processors whose order may have changed
  bool demoted_ CANDOR_GUARDED_BY(mutex_) = false;
  Stats counters_ CANDOR_GUARDED_BY(mutex_);
  TraceRing trace_ CANDOR_GUARDED_BY(mutex_);
};

/// The host's monotonic clock.
Time monotonic_now();

}  // namespace candor::host
