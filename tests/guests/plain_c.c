/*
 * A VM-aware guest in plain C that needs abi/candor.h and nothing else.
 *
 * Its real-time vCPUs each run one periodic thread, half a millisecond of work in
 * every five; its fair vCPUs compute without end. It publishes what it does by
 * stores, waits by host calls, and never takes an upcall: each vCPU has one
 * thread, so there is nothing to switch to. A thread's slot is its vCPU's index.
 */
#include "abi/candor.h"

#define AREA(type, offset) ((struct type*)(CANDOR_AREA_BASE + (offset)))

#define PERIOD_NS 5000000u
#define BUDGET_NS 1000000u
#define WORK_NS 500000u
#define STEPS_PER_WORK_UNIT 1000u

struct vcpu {
  uint32_t index;
  struct candor_guest_vcpu* page;
  struct candor_thread* thread;
  struct candor_thread_stats* stats;
  const struct candor_host_vcpu* host;
};

static const struct candor_host_page* const host_page = AREA(candor_host_page, CANDOR_OFF_HOST_PAGE);
static struct candor_guest_page* const guest_page = AREA(candor_guest_page, CANDOR_OFF_GUEST_PAGE);

#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELEASE)
/* For words under a sequence count, whose order the count makes. */
#define SET(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)

static int64_t call(const struct vcpu* self, enum candor_call number, uint64_t a0, uint64_t a1) {
  const candor_call_fn entry = (candor_call_fn)host_page->call_entry;
  return entry(CANDOR_CALL(self->index, number), a0, a1, 0, 0, 0);
}

/* ------------------------------------------------------------------- time */

static uint64_t now(void) {
  const struct candor_clock* clock = &host_page->clock;
  for (;;) {
    const uint32_t seq = LOAD(clock->seq);
    const struct candor_clock_scale* scale = &clock->scale[seq & 1];
    const uint64_t mult = __atomic_load_n(&scale->mult, __ATOMIC_RELAXED);
    const uint64_t base_tsc = __atomic_load_n(&scale->base_tsc, __ATOMIC_RELAXED);
    const uint64_t base_ns = __atomic_load_n(&scale->base_ns, __ATOMIC_RELAXED);
    const uint64_t fallback_ns = __atomic_load_n(&clock->fallback_ns, __ATOMIC_RELAXED);
    const uint32_t flags = __atomic_load_n(&clock->flags, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    const uint64_t tsc = __builtin_ia32_rdtsc();
    if (seq != LOAD(clock->seq)) continue;
    if ((flags & CANDOR_CLOCK_TSC) == 0) return fallback_ns;
    const uint64_t ticks = tsc > base_tsc ? tsc - base_tsc : 0;
    return base_ns + (uint64_t)((unsigned __int128)ticks * mult >> 32);
  }
}

static void work(uint64_t steps) {
  uint64_t x = 0;
  for (; steps != 0; --steps) {
    x = x * 6364136223846793005u + 1;
    __asm__ volatile("" : "+r"(x));
  }
}

/* How many steps take `ns` on an undisturbed processor: the shortest of several short samples. */
static uint64_t steps_in(uint64_t ns) {
  const uint64_t steps = 20000;
  uint64_t shortest = CANDOR_NO_TIME;
  for (int i = 0; i < 32; ++i) {
    const uint64_t start = now();
    work(steps);
    const uint64_t took = now() - start;
    if (took != 0 && took < shortest) shortest = took;
  }
  return steps * ns / shortest;
}

/* ------------------------------------------------- what the host is told */

static void set_name(struct candor_thread* thread, const char* name) {
  for (uint32_t i = 0; i < CANDOR_NAME_BYTES - 1 && name[i] != 0; ++i) thread->name[i] = name[i];
}

/* The terms, under `serial`. */
static void publish_terms(const struct vcpu* self, enum candor_class cls, uint64_t budget_ns,
                          uint64_t period_ns) {
  struct candor_thread* thread = self->thread;
  const uint32_t serial = thread->serial;
  SET(thread->serial, serial + 1);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  SET(thread->cls, (uint8_t)cls);
  SET(thread->budget_ns, budget_ns);
  SET(thread->period_ns, period_ns);
  SET(thread->relative_deadline_ns, 0u);
  SET(thread->blocking_ns, 0u);
  STORE(thread->serial, serial + 2);
}

/* The job line: the current job, or the next one while waiting. */
static void publish_job(const struct vcpu* self, enum candor_thread_state state, uint64_t job,
                        uint64_t release_ns) {
  struct candor_thread* thread = self->thread;
  const uint32_t seq = thread->job_seq;
  const uint64_t period = thread->period_ns;
  SET(thread->job_seq, seq + 1);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  SET(thread->state, (uint32_t)state);
  SET(thread->release_ns, release_ns);
  SET(thread->deadline_ns, period == 0 ? CANDOR_NO_TIME : release_ns + period);
  SET(thread->expected_ns, period == 0 ? 0 : WORK_NS);
  SET(thread->job, job);
  STORE(thread->job_seq, seq + 2);
}

/* What this vCPU runs, or which thread the next timer will wake. */
static void publish_vcpu(const struct vcpu* self, uint32_t running, uint32_t next_thread,
                         uint64_t next_timer_ns) {
  struct candor_guest_vcpu* page = self->page;
  const uint32_t seq = page->seq;
  SET(page->seq, seq + 1);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  SET(page->running, running);
  SET(page->ready_count, 0u);
  SET(page->next_thread, next_thread);
  SET(page->next_timer_ns, next_timer_ns);
  STORE(page->seq, seq + 2);
  SET(page->publishes, page->publishes + 1);
}

static void count_latency(struct candor_thread_stats* stats, uint64_t ns) {
  uint64_t bucket = ns;
  if (ns >= 64) {
    const unsigned e = 63u - (unsigned)__builtin_clzll(ns);
    bucket = 32u * (e - 5u) + (ns >> (e - 5u));
  }
  if (bucket >= CANDOR_LATENCY_BUCKETS) bucket = CANDOR_LATENCY_BUCKETS - 1;
  SET(stats->latency[bucket], stats->latency[bucket] + 1);
  SET(stats->latency_count, stats->latency_count + 1);
  if (ns > stats->latency_max_ns) SET(stats->latency_max_ns, ns);
}

/* Called by vCPU 0 only, so writers need not take turns. Drops what does not fit. */
static void print(const struct vcpu* self, const char* text) {
  uint8_t* ring = (uint8_t*)(CANDOR_AREA_BASE + CANDOR_OFF_CONSOLE);
  uint32_t head = guest_page->console_head;
  for (; *text != 0 && head - LOAD(host_page->console_tail) < CANDOR_CONSOLE_BYTES; ++text, ++head)
    ring[head % CANDOR_CONSOLE_BYTES] = (uint8_t)*text;
  STORE(guest_page->console_head, head);
  call(self, CANDOR_CALL_RING, CANDOR_BELL_MONITOR, 0);
}

/* ---------------------------------------------------------------- threads */

static int stopping(void) {
  return LOAD(host_page->shutdown) != 0;
}

/* Until `until`, or until the host asks for the end. Other bits need nothing done: the answers to claims
 * stand in the area, and there is no timer and no colleague. */
static void wait(const struct vcpu* self, uint64_t until) {
  while (!stopping() && call(self, CANDOR_CALL_NO_WORK, until, 0) != CANDOR_E_TIMEOUT)
    __atomic_exchange_n(&self->page->pending, 0, __ATOMIC_SEQ_CST);
}

static void fair_thread(const struct vcpu* self) {
  set_name(self->thread, "spin");
  publish_terms(self, CANDOR_CLASS_FAIR, 0, 0);
  publish_job(self, CANDOR_THREAD_READY, 0, 0);
  publish_vcpu(self, self->index, CANDOR_NO_THREAD, CANDOR_NO_TIME);
  while (!stopping()) {
    work(STEPS_PER_WORK_UNIT);
    SET(self->stats->work_units, self->stats->work_units + 1);
  }
}

static void realtime_thread(const struct vcpu* self) {
  struct candor_thread_stats* stats = self->stats;
  const uint64_t steps = steps_in(WORK_NS);
  set_name(self->thread, "loop");
  publish_terms(self, CANDOR_CLASS_DEADLINE, BUDGET_NS, PERIOD_NS);
  publish_job(self, CANDOR_THREAD_READY, 0, now());
  call(self, CANDOR_CALL_CLAIM, self->index, CANDOR_CLAIM_WRITTEN);

  /* Release k is at epoch + k * period, for good, whatever became of the releases before. */
  const uint64_t epoch = host_page->epoch_ns;
  uint64_t t = now();
  uint64_t k = t > epoch ? (t - epoch) / PERIOD_NS + 1 : 0;
  for (uint64_t job = 0;; ++job, ++k) {
    t = now();
    const uint64_t newest_due = t > epoch ? (t - epoch) / PERIOD_NS : 0;
    if (newest_due > k) { /* a job that is a whole period late would only make the next one late */
      SET(stats->skipped, stats->skipped + newest_due - k);
      k = newest_due;
    }
    const uint64_t release = epoch + k * PERIOD_NS;
    if (release >= LOAD(host_page->stop_ns)) break;

    publish_job(self, CANDOR_THREAD_WAITING, job, release);
    publish_vcpu(self, CANDOR_NO_THREAD, self->index, release);
    if (job != 0 && LOAD(self->host->ring_at_job_end) != 0)
      call(self, CANDOR_CALL_RING, CANDOR_BELL_SCHED, 0);
    wait(self, release);
    if (stopping()) break;

    count_latency(stats, now() - release);
    publish_job(self, CANDOR_THREAD_READY, job, release);
    publish_vcpu(self, self->index, CANDOR_NO_THREAD, CANDOR_NO_TIME);
    work(steps);
    if (now() > release + PERIOD_NS) SET(stats->misses, stats->misses + 1);
    SET(stats->jobs, stats->jobs + 1);
  }
  publish_job(self, CANDOR_THREAD_BLOCKED, stats->jobs, CANDOR_NO_TIME - PERIOD_NS);
}

void start(uint64_t area, uint64_t vcpu) {
  (void)area; /* CANDOR_AREA_BASE in version 1 */
  const struct vcpu self = {
      (uint32_t)vcpu,
      AREA(candor_guest_vcpu, CANDOR_OFF_VCPUS) + vcpu,
      AREA(candor_thread, CANDOR_OFF_THREADS) + vcpu,
      AREA(candor_thread_stats, CANDOR_OFF_STATS) + vcpu,
      AREA(candor_host_vcpu, CANDOR_OFF_HOST_VCPUS) + vcpu,
  };
  if (vcpu == 0) {
    guest_page->abi_version = CANDOR_ABI_VERSION;
    guest_page->kernel_ns = guest_page->main_ns = now();
    STORE(guest_page->stage, CANDOR_STAGE_MAIN);
    print(&self, "plain_c: running\n");
  }
  if (self.host->kind == CANDOR_VCPU_REALTIME)
    realtime_thread(&self);
  else
    fair_thread(&self);
  if (vcpu == 0) {
    STORE(guest_page->stage, CANDOR_STAGE_ENDING);
    print(&self, "plain_c: ending\n");
    call(&self, CANDOR_CALL_SHUTDOWN, 0, 0);
  }
  for (;;) { /* vCPU 0 ends the VM for all */
    call(&self, CANDOR_CALL_NO_WORK, CANDOR_NO_TIME, 0);
    __atomic_exchange_n(&self.page->pending, 0, __ATOMIC_SEQ_CST);
  }
}

/* The note. Its address field needs the linker, hence assembly. */
__asm__(
    ".pushsection .note.candor, \"a\", @note\n"
    ".balign 4\n"
    ".long 7, 16, 1\n"
    ".asciz \"Candor\"\n"
    ".balign 4\n"
    ".long 1, 0\n"
    ".quad start\n"
    ".popsection\n");
