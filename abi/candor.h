/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The Candor ABI: what a VM-aware guest and its host share.
 *
 * This header stands alone. It compiles as C11 and as C++20, hosted or
 * freestanding, and includes nothing but the fixed-width integer types.
 * docs/abi.md is its specification; the section numbers below refer to it.
 *
 * Conventions
 *   - Little endian, x86-64. All times are absolute nanoseconds on the host's
 *     monotonic clock unless the name says otherwise (§3).
 *   - Every cache line (64 bytes) names its only writer; "host" is one of two
 *     processes, and a word whose writer is not the line's says which. Words that
 *     several parties modify are marked "atomic" and changed by atomic operations
 *     only.
 *   - Reserved fields and bits are zero when written and ignored when read.
 *   - The host treats everything a guest can write as hostile input.
 */
#ifndef CANDOR_ABI_H
#define CANDOR_ABI_H

#if defined(__linux__) && defined(__KERNEL__)
#include <linux/types.h>
#else
#include <stdint.h>
#endif

/*
 * Version and compatibility (§1). A change that moves or redefines anything a
 * conforming guest or host of the same version relies on bumps the version; a
 * new use of reserved space announces itself by a feature bit instead. A host
 * refuses an image of another version.
 */
#define CANDOR_ABI_VERSION 1u

#define CANDOR_MAGIC 0x31524f444e4143ull /* "CANDOR1", little endian */

/* Feature bits, host to guest, in candor_host_page.features. */
#define CANDOR_FEATURE_SCHED (1u << 0)        /* claims are read and honoured */
#define CANDOR_FEATURE_RANKS (1u << 1)        /* admitted claims hold host real-time ranks */
#define CANDOR_FEATURE_PROTECT (1u << 2)      /* CANDOR_CALL_PROTECT works */
#define CANDOR_FEATURE_LOCK_INHERIT (1u << 3) /* CANDOR_CALL_LOCK_WAIT inherits priority */
#define CANDOR_FEATURE_FSGSBASE (1u << 4)     /* fs and gs bases that the guest sets are kept (§2) */
#define CANDOR_FEATURE_BLOCKING (1u << 5)     /* candor_thread.blocking_ns is read */
#define CANDOR_FEATURE_UART (1u << 6)         /* a 16550 answers at CANDOR_UART_PORT (§4.3) */
#define CANDOR_FEATURE_INPUT (1u << 7)        /* console input comes, with CANDOR_PENDING_CONSOLE (§4.3) */
#define CANDOR_FEATURE_TRACE (1u << 8)        /* the host reads traces and would like to have some (§10) */

/* Bounds of version 1. The counts in force are in candor_host_page. */
#define CANDOR_MAX_VCPUS 64u
#define CANDOR_MAX_THREADS 64u
#define CANDOR_MAX_READY 56u
#define CANDOR_MAX_LOCKS 1024u
#define CANDOR_CMDLINE_BYTES 2048u
#define CANDOR_NAME_BYTES 16u
#define CANDOR_CONSOLE_BYTES 65536u
#define CANDOR_INPUT_BYTES 1024u
#define CANDOR_LATENCY_BUCKETS 960u
#define CANDOR_MAX_TRACE_RECORDS 65536u
#define CANDOR_NO_THREAD 0xffffffffu
#define CANDOR_NO_TIME 0xffffffffffffffffull
/* What a claim counts for against its VM's bandwidth (§6): its budget and blocking, and not less than the
 * first of these, in each period; where periods are shorter than the second, the third besides. */
#define CANDOR_LEAST_JOB_NS 30000
#define CANDOR_OFTEN_PERIOD_NS 5000000
#define CANDOR_OFTEN_JOB_NS 50000

/* Where the host places things in a guest's address space (process back end, §2). */
#define CANDOR_RAM_BASE 0x100000ull
#define CANDOR_AREA_BASE 0x500000000000ull
#define CANDOR_BOOT_STACK_BYTES 16384u

/* The console's hardware face: the first of a 16550's eight ports (§4.3). */
#define CANDOR_UART_PORT 0x3f8u

/* ------------------------------------------------------------------ image */

/*
 * ELF note that marks an image as made for Candor (§2): owner "Candor", type
 * CANDOR_NOTE_TYPE, descriptor candor_image_note.
 */
#define CANDOR_NOTE_OWNER "Candor"
#define CANDOR_NOTE_TYPE 1u

struct candor_image_note {
  uint32_t abi_version; /* CANDOR_ABI_VERSION the image was built with */
  uint32_t flags;       /* reserved */
  uint64_t entry;       /* virtual address at which every vCPU starts */
};

/* --------------------------------------------------------------- classes */

/* Scheduling classes of a thread (§5); they map one to one onto Linux's
 * SCHED_DEADLINE, SCHED_FIFO, SCHED_OTHER and SCHED_IDLE. */
enum candor_class {
  CANDOR_CLASS_NONE = 0,
  CANDOR_CLASS_DEADLINE = 1,
  CANDOR_CLASS_FIXED = 2,
  CANDOR_CLASS_FAIR = 3,
  CANDOR_CLASS_BACKGROUND = 4,
};

enum candor_vcpu_kind {
  CANDOR_VCPU_ABSENT = 0,
  CANDOR_VCPU_FAIR = 1,     /* carries fair and background threads */
  CANDOR_VCPU_REALTIME = 2, /* carries admitted real-time claims */
};

enum candor_vcpu_state {
  CANDOR_VCPU_RUNNING = 0,
  CANDOR_VCPU_POLLING = 1, /* idle, looking at `pending`: sees a bit if it still polls afterwards (§7.4) */
  CANDOR_VCPU_WAITING = 2, /* idle in CANDOR_CALL_NO_WORK */
};

enum candor_thread_state {
  CANDOR_THREAD_ABSENT = 0,
  CANDOR_THREAD_READY = 1,   /* has work: running or in a ready list */
  CANDOR_THREAD_WAITING = 2, /* its next job begins at release_ns */
  CANDOR_THREAD_BLOCKED = 3, /* waits for an event without a time */
};

/* What became of a claim (§6). */
enum candor_claim_status {
  CANDOR_CLAIM_NONE = 0,
  CANDOR_CLAIM_ADMITTED = 1,  /* runs by its claim, on the vCPU named beside */
  CANDOR_CLAIM_REFUSED = 2,   /* runs as fair; `reason` says why */
  CANDOR_CLAIM_EXHAUSTED = 3, /* admitted; runs as fair until its budget is replenished */
};

enum candor_refusal {
  CANDOR_REFUSED_NOT = 0,
  CANDOR_REFUSED_NO_ENTITLEMENT = 1, /* the VM has no real-time entitlement */
  CANDOR_REFUSED_BANDWIDTH = 2,      /* sum of the VM's reserves above its bandwidth */
  CANDOR_REFUSED_PROCESSOR = 3,      /* no processor has room for it */
  CANDOR_REFUSED_PRIORITY = 4,       /* above the VM's ceiling priority */
  CANDOR_REFUSED_NO_VCPU = 5,        /* no real-time vCPU left */
  CANDOR_REFUSED_INVALID = 6,        /* the terms contradict themselves */
  CANDOR_REFUSED_NO_SCHEDULER = 7,   /* no host scheduler is there to answer */
};

/* ---------------------------------------------------------- host to guest */

/*
 * The clock (§3). The scale in force is scale[seq & 1]; the host writes the
 * other one and then adds one to seq, so a copy is whole if seq has not changed,
 * and a reader never waits for a host that was interrupted while it wrote. Then
 *   ns = base_ns + ((tsc - base_tsc) * mult >> 32)      (128-bit product)
 * with a tsc below base_tsc taken as base_tsc. Without CANDOR_CLOCK_TSC the
 * time is fallback_ns, which the host refreshes at least once a second.
 */
#define CANDOR_CLOCK_TSC (1u << 0)

struct candor_clock_scale {
  uint64_t base_tsc;
  uint64_t base_ns;
  uint64_t mult; /* nanoseconds per tick, 32.32 fixed point */
};

struct candor_clock {
  uint32_t seq;
  uint32_t flags;
  struct candor_clock_scale scale[2];
  uint64_t fallback_ns;
};

/* First page of the area (§4). Writer: host (the VM process; `scheduler`: the host scheduler, and the VM
 * process once that has died; `features`: both, before the start, atomically). The guest sees it read-only.
 */
struct candor_host_page {
  /* line 0: identity */
  uint64_t magic;
  uint32_t abi_version;
  uint32_t features;
  uint32_t area_bytes;
  uint32_t vcpu_count; /* fair ones first, then real-time ones */
  uint32_t fair_vcpus;
  uint32_t realtime_vcpus;
  uint32_t thread_slots;
  uint32_t lock_words;
  uint64_t ram_base;
  uint64_t ram_bytes; /* all of it; its last vcpu_count * CANDOR_BOOT_STACK_BYTES are the boot stacks */
  uint64_t reserved0;
  /* line 1: the clock */
  struct candor_clock clock;
  /* line 2: entitlement and requests */
  uint64_t call_entry;    /* address of the host-call function (§7) */
  uint64_t epoch_ns;      /* time from which this run counts; origin of periodic grids */
  uint32_t weight;        /* share of the VM's fair vCPUs; 100 is ordinary */
  uint32_t bandwidth_ppm; /* reserve, millionths of one processor; 0: no real-time entitlement */
  uint32_t max_priority;  /* ceiling of fixed priorities, 1 to 99 */
  uint32_t shutdown;      /* 0, or 1 once the host asks the guest to end */
  uint32_t scheduler;     /* 1 while a host scheduler reads this area */
  uint32_t console_tail;  /* bytes of console output the host has taken, modulo 2^32 */
  uint64_t stop_ns;       /* time at which the run counts as over; CANDOR_NO_TIME while unknown */
  uint32_t input_head;    /* atomic; bytes of console input written, modulo 2^32 */
  uint32_t reserved1;
  uint64_t reserved2;
  /* line 3 */
  char vm_name[64];
  /* then */
  char cmdline[CANDOR_CMDLINE_BYTES]; /* zero terminated */
  uint8_t input[CANDOR_INPUT_BYTES];  /* the ring of console input (§4.3) */
  uint8_t reserved[768];
};

/* One line for each vCPU (§4.2). Writer: host (the VM process before the start, then the host scheduler;
 * `stolen_ns`: both, each what it has measured, whole). */
struct candor_host_vcpu {
  uint32_t kind;            /* enum candor_vcpu_kind; for life */
  uint32_t processor;       /* host processor it is placed on, or ~0 when it floats */
  uint32_t lock_token;      /* what this vCPU writes into a lock word it takes (§7.6) */
  uint32_t sole;            /* 1: no other VM's vCPU is placed on this processor */
  uint32_t wanted;          /* 1: the host knows of other work for this processor; do not poll */
  uint32_t preempted;       /* 1: the host scheduler holds another ready claim before this one */
  uint32_t ring_at_job_end; /* 1: ring CANDOR_BELL_SCHED when a job ends */
  uint32_t rank;            /* place among the processor's real-time vCPUs, 1 is first; 0 none */
  uint64_t waiting_key_ns; /* no other claim of this processor becomes ready before; a bound, not a promise */
  uint64_t stolen_ns;      /* ready but not running, in total; refreshed about once a second */
  uint64_t reserved[2];
};

/* One line for each thread slot (§6). Writer: host. */
struct candor_host_thread {
  uint32_t answered; /* the `serial` of the terms this line answers */
  uint32_t status;   /* enum candor_claim_status */
  uint32_t reason;   /* enum candor_refusal */
  uint32_t vcpu;     /* vCPU on which the thread shall run when admitted */
  uint32_t fits_ppm; /* when refused for bandwidth: the utilisation that would fit */
  uint32_t reserved0;
  uint64_t server_deadline_ns; /* the deadline the host schedules by */
  uint64_t replenish_ns;       /* when exhausted: time of the next budget */
  uint64_t reserved[3];
};

/* ---------------------------------------------------------- guest to host */

/* Boot stages, for diagnosis. */
enum candor_stage {
  CANDOR_STAGE_NONE = 0,
  CANDOR_STAGE_KERNEL = 1,
  CANDOR_STAGE_MAIN = 2,
  CANDOR_STAGE_ENDING = 3,
};

/* One page for the guest as a whole (§4.3). Writer: guest (console_head, console_listener and input_tail: the
 * host's code, too, where a vCPU uses the console's hardware face). */
struct candor_guest_page {
  uint32_t abi_version;      /* what the guest speaks */
  uint32_t stage;            /* enum candor_stage */
  uint64_t kernel_ns;        /* time of the first instruction */
  uint64_t main_ns;          /* time at which the application's main began */
  uint32_t console_head;     /* atomic; bytes of console output written, modulo 2^32 */
  uint32_t console_listener; /* 1 + the vCPU that is told of input by CANDOR_PENDING_CONSOLE; 0: none */
  uint32_t input_tail;       /* atomic; bytes of console input taken, modulo 2^32 */
  uint32_t reserved0;
  uint64_t reserved1[3];
  uint8_t reserved[4032];
};

/* Bits of candor_guest_vcpu.pending (§8). */
#define CANDOR_PENDING_TIMER (1u << 0)    /* the timer set by CANDOR_CALL_SET_TIMER has fired */
#define CANDOR_PENDING_NOTIFY (1u << 1)   /* another vCPU of this guest rang */
#define CANDOR_PENDING_SHUTDOWN (1u << 2) /* candor_host_page.shutdown has been set */
#define CANDOR_PENDING_CLAIMS (1u << 3)   /* an answer in candor_host_thread has changed */
#define CANDOR_PENDING_CONSOLE (1u << 4)  /* console input waits, or the 16550 interrupts (§4.3) */

/* An entry of a ready list. */
struct candor_ready {
  uint32_t thread; /* slot */
  uint8_t cls;     /* enum candor_class */
  uint8_t priority;
  uint16_t reserved;
  uint64_t deadline_ns; /* or CANDOR_NO_TIME */
  uint64_t expected_ns; /* remaining run time expected; 0: unknown */
};

/* One page for each vCPU (§4.4). */
struct candor_guest_vcpu {
  /* line 0: atomic; anybody sets bits, the vCPU clears them; also the word it sleeps on */
  uint32_t pending;
  uint32_t reserved0[15];
  /* line 1: writer: this vCPU */
  uint32_t masked;        /* 1: do not divert; look at `pending` when unmasking */
  uint32_t state;         /* enum candor_vcpu_state; atomic */
  uint64_t upcall_entry;  /* where an upcall diverts to; 0: never divert */
  uint64_t guest_word;    /* the guest's own, within reach of gs; nothing looks at it */
  uint64_t trace_at;      /* address of this vCPU's trace, candor_trace[trace_records]; 0: none (§10) */
  uint64_t trace_next;    /* records written so far */
  uint32_t trace_records; /* a power of two, at most CANDOR_MAX_TRACE_RECORDS */
  uint32_t reserved5;
  uint64_t reserved1[2];
  /* line 2: published under seq; writer: this vCPU */
  uint32_t seq;           /* odd while being written */
  uint32_t running;       /* slot of the thread that runs, or CANDOR_NO_THREAD */
  uint32_t ready_count;   /* entries of `ready` in use */
  uint32_t next_thread;   /* slot that next_timer_ns will wake, or CANDOR_NO_THREAD */
  uint64_t next_timer_ns; /* or CANDOR_NO_TIME */
  uint64_t reserved2[5];
  /* line 3: counters; writer: this vCPU (host_calls, kicks, port_accesses: the host's code on its thread) */
  uint64_t host_calls;    /* calls that entered the host kernel */
  uint64_t kicks;         /* signals that reached this vCPU */
  uint64_t upcalls;       /* upcalls handled */
  uint64_t publishes;     /* dispatches published */
  uint64_t polls;         /* idle periods that polled */
  uint64_t poll_hits;     /* ... and found work before giving up */
  uint64_t waits;         /* CANDOR_CALL_NO_WORK that slept */
  uint64_t port_accesses; /* accesses to the 16550's ports, which trapped */
  /* line 4: how this vCPU ended, when it did; writer: the host's code on its thread */
  uint32_t exit_kind; /* enum candor_exit */
  uint32_t exit_code; /* signal number, system call, or the guest's own code */
  uint64_t exit_ip;
  uint64_t exit_address;
  uint64_t reserved4[5];
  /* the ready list; under seq */
  struct candor_ready ready[CANDOR_MAX_READY];
  uint8_t reserved[2432];
};

enum candor_exit {
  CANDOR_EXIT_NONE = 0,
  CANDOR_EXIT_SHUTDOWN = 1, /* the guest asked; exit_code is its own */
  CANDOR_EXIT_FAULT = 2,    /* exit_code: signal; exit_ip, exit_address */
  CANDOR_EXIT_REFUSED = 3,  /* a system call or synthetic instruction that is not permitted */
};

/* One slot for each published thread (§5). Line 0 is its claim's terms; it
 * changes rarely, and a change takes effect by CANDOR_CALL_CLAIM. Line 1 is its
 * current job; it changes by plain stores under job_seq. Writer of line 0: the
 * thread's creator, then the vCPU that carries the thread; of line 1: that vCPU. */
struct candor_thread {
  uint32_t serial; /* counts changes of the terms; odd while being written */
  uint8_t cls;     /* enum candor_class */
  uint8_t priority;
  uint16_t reserved0;
  char name[CANDOR_NAME_BYTES];
  uint64_t budget_ns; /* per period */
  uint64_t period_ns;
  uint64_t relative_deadline_ns; /* 0: the period */
  uint64_t blocking_ns; /* less urgent threads of this VM keep each job waiting at most so long (§5) */
  uint64_t reserved1;
  /* line 1 */
  uint32_t job_seq;
  uint32_t state;       /* enum candor_thread_state */
  uint64_t release_ns;  /* of the current job, or of the next while waiting */
  uint64_t deadline_ns; /* of the same job; CANDOR_NO_TIME: none */
  uint64_t expected_ns; /* remaining run time expected; 0: unknown */
  uint64_t job;         /* number of the job, from 0 */
  uint64_t reserved2[3];
};

/*
 * Statistics of a thread (§9). Writer: the vCPU that carries it.
 * Wake-up latency, first instruction of a job minus its release, is counted in
 * log-linear buckets: latencies below 64 ns in bucket = ns; others, with e the
 * index of the highest set bit, in 32 * (e - 5) + (ns >> (e - 5)); the last
 * bucket takes all that is above. No bucket is wider than 1/32 of its value.
 */
struct candor_thread_stats {
  uint64_t jobs;       /* jobs that ran to their end */
  uint64_t skipped;    /* releases that were passed over */
  uint64_t misses;     /* jobs that ended after their deadline; skipped ones not included */
  uint64_t work_units; /* the application's own measure of work done */
  uint64_t latency_max_ns;
  uint64_t latency_count;
  uint64_t reserved[2];
  uint32_t latency[CANDOR_LATENCY_BUCKETS];
  uint8_t pad[192];
};

/* What a guest may tell of itself in a trace (§10). */
enum candor_trace_event {
  CANDOR_TRACE_NONE = 0,
  CANDOR_TRACE_DISPATCH = 1, /* the thread runs from now on; CANDOR_TRACE_IDLE: none does */
  CANDOR_TRACE_WAKE = 2,     /* it is ready; argument: the thread that ran then */
  CANDOR_TRACE_BLOCK = 3,    /* it waits; argument: nanoseconds until its time limit */
  CANDOR_TRACE_YIELD = 4,    /* it lets others of its rank go first */
  CANDOR_TRACE_END = 5,      /* it has ended */
  CANDOR_TRACE_MOVE = 6,     /* it goes to another vCPU; argument: which */
  CANDOR_TRACE_UPCALL = 7,   /* while the thread ran; argument: CANDOR_PENDING_* */
  CANDOR_TRACE_TIMER = 8,    /* CANDOR_CALL_SET_TIMER; argument: nanoseconds from now */
  CANDOR_TRACE_PUBLISH = 9,  /* who runs and what is ready has been written; argument: ready_count */
  CANDOR_TRACE_CLAIM = 10,   /* answered; argument: enum candor_claim_status | enum candor_refusal << 8 */
};

/* In place of a slot. */
#define CANDOR_TRACE_IDLE 0xffffu    /* no thread */
#define CANDOR_TRACE_UNKNOWN 0xfffeu /* a thread without a slot */

/* A record of a trace. Writer: the vCPU whose trace it is. */
struct candor_trace {
  uint64_t time_ns;
  uint32_t argument; /* nanoseconds: ~0 for whatever is longer, or never */
  uint16_t thread;   /* slot, or one of the above */
  uint8_t event;     /* enum candor_trace_event */
  uint8_t reserved;
};

/* ------------------------------------------------------------ the area */

/* Offsets from the start of the area. */
#define CANDOR_OFF_HOST_PAGE 0u
#define CANDOR_OFF_HOST_VCPUS 4096u
#define CANDOR_OFF_HOST_THREADS 8192u
#define CANDOR_HOST_BYTES 12288u /* up to here read-only for the guest */
#define CANDOR_OFF_GUEST_PAGE 12288u
#define CANDOR_OFF_LOCKS 16384u /* uint32_t[CANDOR_MAX_LOCKS], atomic */
#define CANDOR_OFF_THREADS 20480u
#define CANDOR_OFF_VCPUS 28672u
#define CANDOR_OFF_STATS 290816u
#define CANDOR_OFF_CONSOLE 552960u
#define CANDOR_AREA_BYTES 618496u

/* -------------------------------------------------- synthetic instructions */

/*
 * Synthetic instructions (§7) are reached by calling call_entry as a function
 * of the System V ABI, candor_call_fn, with CANDOR_CALL(calling vCPU, number) as
 * first argument, or, with the same meaning, by the undefined opcode
 * CANDOR_TRAP with the number in EAX and the arguments in RDI, RSI, RDX, RCX,
 * R8; the result is in RAX and nothing else changes. On a processor of its own
 * the opcode raises #UD.
 *
 * The opcode is UD1 (0F B9), which both vendors define to be undefined for
 * good, with a memory operand whose displacement is the signature "CNDR":
 *     0f b9 80 43 4e 44 52        ud1 0x52444e43(%rax),%eax
 */
#define CANDOR_TRAP ".byte 0x0f, 0xb9, 0x80, 0x43, 0x4e, 0x44, 0x52"
#define CANDOR_TRAP_BYTES 7u

typedef int64_t (*candor_call_fn)(uint64_t call, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                                  uint64_t a4);
#define CANDOR_CALL(vcpu, number) ((uint64_t)(vcpu) << 32 | (uint64_t)(number))

enum candor_call {
  CANDOR_CALL_IDENTIFY = 0,      /* -> CANDOR_IDENTITY | ABI version */
  CANDOR_CALL_CLAIM = 1,         /* slot, class | priority << 8, budget_ns, period_ns, deadline_ns */
  CANDOR_CALL_YIELD = 2,         /* give way to others of the same rank */
  CANDOR_CALL_NO_WORK = 3,       /* until_ns: wait for a pending bit or that time */
  CANDOR_CALL_NOTIFY = 4,        /* vcpu: set CANDOR_PENDING_NOTIFY there and wake or divert it */
  CANDOR_CALL_LOCK_WAIT = 5,     /* lock index: take the lock, lending the owner this vCPU's rank */
  CANDOR_CALL_LOCK_WAKE = 6,     /* lock index: hand the lock to the first waiter */
  CANDOR_CALL_SHUTDOWN = 7,      /* code: end this VM; does not return */
  CANDOR_CALL_SET_TIMER = 8,     /* at_ns (0: off): set CANDOR_PENDING_TIMER then, and divert */
  CANDOR_CALL_PROTECT = 9,       /* address, bytes, CANDOR_PROT_*: page-aligned, in RAM */
  CANDOR_CALL_RING = 10,         /* CANDOR_BELL_* */
  CANDOR_CALL_TAKE_PENDING = 11, /* -> the bits of `pending`, which are cleared */
};

/* Result of CANDOR_CALL_IDENTIFY: this in the upper half, the version in the lower. */
#define CANDOR_IDENTITY 0x43414e4400000000ull

/* CANDOR_CALL_CLAIM's second argument when the terms stand in the slot already; no class and priority give
 * it. */
#define CANDOR_CLAIM_WRITTEN 0x10000ull

#define CANDOR_BELL_SCHED 1u   /* the host scheduler */
#define CANDOR_BELL_MONITOR 2u /* the VM process: console output waits */

#define CANDOR_PROT_NONE 0u
#define CANDOR_PROT_READ 1u
#define CANDOR_PROT_WRITE 3u /* and read */

/* Results: 0 or a value, or one of these, negative. */
#define CANDOR_OK 0
#define CANDOR_E_INVALID (-1)  /* an argument is out of range */
#define CANDOR_E_TIMEOUT (-2)  /* CANDOR_CALL_NO_WORK: the time came and no bit was set */
#define CANDOR_E_DEADLOCK (-3) /* CANDOR_CALL_LOCK_WAIT: the caller already owns the lock */
#define CANDOR_E_UNKNOWN (-4)  /* no such synthetic instruction */
#define CANDOR_E_HOST (-5)     /* the host could not do it */

/* Bits of a lock word (§7.6): owner's token below, waiters flag above. */
#define CANDOR_LOCK_OWNER 0x3fffffffu
#define CANDOR_LOCK_WAITERS 0x80000000u

/* ----------------------------------------------------------- layout checks */

#ifdef __cplusplus
#define CANDOR_ASSERT(cond, what) static_assert(cond, what)
#else
#define CANDOR_ASSERT(cond, what) _Static_assert(cond, what)
#endif
#define CANDOR_AT(type, field, offset) \
  CANDOR_ASSERT(__builtin_offsetof(struct type, field) == (offset), #type "." #field)
#define CANDOR_SIZE(type, bytes) CANDOR_ASSERT(sizeof(struct type) == (bytes), #type)

CANDOR_SIZE(candor_image_note, 16);
CANDOR_SIZE(candor_clock_scale, 24);
CANDOR_SIZE(candor_clock, 64);
CANDOR_SIZE(candor_host_page, 4096);
CANDOR_AT(candor_host_page, clock, 64);
CANDOR_AT(candor_host_page, call_entry, 128);
CANDOR_AT(candor_host_page, epoch_ns, 136);
CANDOR_AT(candor_host_page, shutdown, 156);
CANDOR_AT(candor_host_page, vm_name, 192);
CANDOR_AT(candor_host_page, input_head, 176);
CANDOR_AT(candor_host_page, cmdline, 256);
CANDOR_AT(candor_host_page, input, 2304);
CANDOR_SIZE(candor_host_vcpu, 64);
CANDOR_SIZE(candor_host_thread, 64);
CANDOR_SIZE(candor_guest_page, 4096);
CANDOR_AT(candor_guest_page, console_head, 24);
CANDOR_AT(candor_guest_page, input_tail, 32);
CANDOR_SIZE(candor_ready, 24);
CANDOR_SIZE(candor_guest_vcpu, 4096);
CANDOR_AT(candor_guest_vcpu, masked, 64);
CANDOR_AT(candor_guest_vcpu, upcall_entry, 72);
CANDOR_AT(candor_guest_vcpu, guest_word, 80);
CANDOR_AT(candor_guest_vcpu, trace_at, 88);
CANDOR_AT(candor_guest_vcpu, trace_records, 104);
CANDOR_AT(candor_guest_vcpu, seq, 128);
CANDOR_AT(candor_guest_vcpu, host_calls, 192);
CANDOR_AT(candor_guest_vcpu, exit_kind, 256);
CANDOR_AT(candor_guest_vcpu, ready, 320);
CANDOR_SIZE(candor_thread, 128);
CANDOR_AT(candor_thread, blocking_ns, 48);
CANDOR_AT(candor_thread, job_seq, 64);
CANDOR_SIZE(candor_thread_stats, 4096);
CANDOR_AT(candor_thread_stats, latency, 64);
CANDOR_SIZE(candor_trace, 16);
CANDOR_AT(candor_trace, argument, 8);
CANDOR_ASSERT(CANDOR_OFF_HOST_VCPUS + CANDOR_MAX_VCPUS * 64u <= CANDOR_OFF_HOST_THREADS, "host vcpus");
CANDOR_ASSERT(CANDOR_OFF_HOST_THREADS + CANDOR_MAX_THREADS * 64u <= CANDOR_HOST_BYTES, "host threads");
CANDOR_ASSERT(CANDOR_OFF_LOCKS + CANDOR_MAX_LOCKS * 4u <= CANDOR_OFF_THREADS, "locks");
CANDOR_ASSERT(CANDOR_OFF_THREADS + CANDOR_MAX_THREADS * 128u <= CANDOR_OFF_VCPUS, "threads");
CANDOR_ASSERT(CANDOR_OFF_VCPUS + CANDOR_MAX_VCPUS * 4096u <= CANDOR_OFF_STATS, "vcpus");
CANDOR_ASSERT(CANDOR_OFF_STATS + CANDOR_MAX_THREADS * 4096u <= CANDOR_OFF_CONSOLE, "stats");
CANDOR_ASSERT(CANDOR_OFF_CONSOLE + CANDOR_CONSOLE_BYTES <= CANDOR_AREA_BYTES, "console");

#endif /* CANDOR_ABI_H */
