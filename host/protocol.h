// Messages between the launcher, the VM processes and candord: fixed-size
// structs, one to a packet, on SOCK_SEQPACKET sockets. candord checks the size
// and every field of what it receives; file descriptors travel as SCM_RIGHTS.
//
//   launcher -> candord  AddVm (+ candord's end of the VM's socket), RemoveVm,
//                        Demote, QueryRunList, QueryTrace, QueryStats, Quit
//   candord -> launcher  Hello (first), Ack, RunListEntry... then RunListEnd, TraceEvents... until one that
//                        is not full, Stats
//   VM -> candord        Register (+ area memfd, bell eventfd; SCM_CREDENTIALS)
//   candord -> VM        Registered
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <vector>

#include "abi/candor.h"
#include "host/admission_terms.h"
#include "sched/scheduler.h"

namespace candor::host {

enum class MessageType : std::uint32_t {
  kHello = 1,
  kAddVm,
  kRemoveVm,
  kDemote,
  kQueryRunList,
  kQueryTrace,
  kQueryStats,
  kQuit,
  kAck,
  kRunListEntry,
  kRunListEnd,
  kTraceEvents,
  kStats,
  kRegister = 64,
  kRegistered,
};

/// How candord treats the vCPUs of the VMs it serves. In unaware mode there is no candord.
enum class Policy : std::uint32_t { kAware, kStaticRealtime, kStaticDeadline };

/// Room for what happens while a launcher that traces looks elsewhere: seconds, with thousands of events in
/// each.
inline constexpr std::size_t kTraceEntries = 32'768;

/// What candord is started with.
struct Settings {
  Policy policy = Policy::kAware;
  std::vector<int> processors;  // host numbers, at least one
  AdmissionTerms admission;
  bool slices = true;  // aware: fair vCPUs get slices by what their guests publish (sched/slices.h)
  std::size_t trace_entries = 0;  // events that are kept for QueryTrace; 0: there is no trace
};

/// candord's first words: whether this host lets it set real-time ranks and slices, and what admission counts
/// with.
struct Hello {
  MessageType type = MessageType::kHello;
  std::uint32_t ranks = 0;           // 1: permitted
  std::int32_t error = 0;            // errno of the attempt otherwise
  std::uint32_t cost_measured = 0;   // 1: job_overhead_ns was measured; 0: given, or the default
  std::int32_t cost_error = 0;       // why it could not be measured, errno; 0: it could, or was given
  std::int32_t slice_error = 0;      // 0: slices of ordinary threads are obeyed; else the errno
  std::int64_t job_overhead_ns = 0;  // what a job costs besides its budget
};

/// A VM may register from now on. The numbers are the administrator's, so they
/// come from the launcher and never from the VM process. Carries one descriptor.
struct AddVm {
  MessageType type = MessageType::kAddVm;
  std::uint32_t vm = 0;  // the launcher's number for it, unique while it lives
  pid_t process = 0;     // the only process whose Register is accepted
  std::uint32_t weight = 100;
  std::uint32_t bandwidth_ppm = 0;
  std::uint32_t max_priority = 0;
  std::uint32_t fair_vcpus = 0;
  std::uint32_t realtime_vcpus = 0;
  std::uint64_t period_ns = 0;  // of the server in static-dl mode
  char name[64] = {};
};

/// For RemoveVm, Demote, QueryRunList, QueryTrace, QueryStats, Quit and Ack. `vm` counts
/// for RemoveVm only. Demote takes every rank back, for good (before shutdown);
/// RemoveVm, Demote and Quit are answered by Ack once no rank is left behind.
struct Simple {
  MessageType type;
  std::uint32_t vm = 0;
};

/// One place of the composite run list, first place first. docs/spec.md has the order.
struct RunListEntry {
  MessageType type = MessageType::kRunListEntry;
  std::uint32_t processor = 0;  // ~0: floats (fair threads)
  std::uint32_t vm = 0;
  std::uint32_t thread = 0;  // slot in the VM's area
  std::uint32_t vcpu = 0;
  std::uint32_t state = 0;       // enum candor_thread_state; 4: running
  std::uint32_t cls = 0;         // class it counts as now
  std::uint32_t level = 0;       // SCHED_FIFO priority, 0: none
  std::int64_t release_ns = 0;   // of the current or next job; INT64_MAX: unknown
  std::int64_t deadline_ns = 0;  // server deadline; INT64_MAX: none
  std::int64_t expected_ns = 0;  // 0: unknown
  char vm_name[64] = {};
  char thread_name[CANDOR_NAME_BYTES] = {};
  char reason[96] = {};  // why it stands behind the one before and before the next
};

enum class TraceKind : std::uint32_t {
  kRank,         // a vCPU has another level from now on: `why`
  kAnswer,       // to a thread's claim: `answer`, and its name; where admitted, after the rank is set
  kExhausted,    // a thread's claim has no rank until its next budget
  kReplenished,  // it has one again
  kMoved,        // a vCPU is on this processor from now on: to make room for a claim, or its own was lost
  kOrdinary,     // the VM has no rank any more: it ends, or all do
};

/// One thing that the scheduler did; what a kind does not name is as here. Levels are what was decided,
/// though this host may not permit them.
struct TraceEvent {
  std::int64_t at_ns = 0;  // of CLOCK_MONOTONIC
  TraceKind kind = TraceKind::kOrdinary;
  std::uint32_t vm = 0;
  std::uint32_t vcpu = ~0u;
  std::uint32_t processor = ~0u;  // host number
  std::uint32_t thread = ~0u;     // slot in the VM's area
  sched::Explanation why{};
  sched::Answer answer{};  // its processor is not a host number
  char name[CANDOR_NAME_BYTES] = {};
};

/// A part of the trace since the last request, oldest first.
struct TraceEvents {
  MessageType type = MessageType::kTraceEvents;
  std::uint32_t count = 0;  // less than there is room for: the last part
  std::uint64_t first = 0;  // number of the first, or of the next one there will be; a gap: so many are lost
  std::array<TraceEvent, 3> events;  // as many as a packet holds
};

/// What the scheduler did and cost so far.
struct Stats {
  MessageType type = MessageType::kStats;
  std::uint32_t ranks = 0;
  std::uint64_t rank_changes = 0;
  std::uint64_t decisions = 0;
  std::uint64_t wakeups = 0;
  std::uint64_t bells = 0;
  std::uint64_t bells_muted = 0;  // times a VM's bell was not listened to because it rang too often
  std::uint64_t exhaustions = 0;
  std::uint64_t processors_lost = 0;  // times the host was deprived of one
  std::uint64_t slice_changes = 0;    // system calls that set or took back a slice
  std::uint64_t cpu_ns = 0;           // processor time of the scheduler process
};

/// Sent by the VM process once its vCPU threads exist. Descriptors: the area
/// (sealed against shrinking), then the bell (eventfd). `tids` as candord's PID
/// namespace sees them, fair vCPUs first.
struct Register {
  MessageType type = MessageType::kRegister;
  pid_t tender = 0;
  std::uint32_t vcpu_count = 0;
  pid_t tids[CANDOR_MAX_VCPUS] = {};
};

struct Registered {
  MessageType type = MessageType::kRegistered;
  std::uint32_t accepted = 0;
  char reason[188] = {};  // why not
};

}  // namespace candor::host
