/* The control of a guest's way to its main: what traps cost a process here, in nanoseconds. In one line: the
 * first undefined instruction that its handler steps over, on a signal stack as new as a guest's; the median
 * of later ones; the median of first writes to a page of shared memory, as guest RAM is; of CPUID. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { kTimes = 101, kPage = 4096 };

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void* a, const void* b) {
  const int64_t x = *(const int64_t*)a, y = *(const int64_t*)b;
  return (x > y) - (x < y);
}

static void step_over(int number, siginfo_t* info, void* context) {
  (void)number, (void)info;
  ((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] += 2;
}
static void trap(volatile char* unused) {
  (void)unused;
  __asm__ volatile("ud2");
}
static void touch(volatile char* page) {
  *page = 1;
}
static void identify(volatile char* unused) {
  unsigned a, b, c, d;
  (void)unused;
  __cpuid_count(0, 0, a, b, c, d);
}

static int64_t median(void (*what)(volatile char*), volatile char* pages) {
  int64_t took[kTimes];
  for (int i = 0; i < kTimes; i++) {
    const int64_t before = now();
    what(pages + i * kPage);
    took[i] = now() - before;
  }
  qsort(took, kTimes, sizeof *took, compare);
  return took[kTimes / 2];
}

int main(void) {
  static char signal_stack[16 * kPage];
  const stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
  const struct sigaction action = {.sa_sigaction = step_over, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  const int memory = memfd_create("pages", 0);
  if (memory < 0 || ftruncate(memory, kTimes * kPage) != 0 || sigaltstack(&stack, NULL) != 0 ||
      sigaction(SIGILL, &action, NULL) != 0)
    return 1;
  char* const pages = mmap(NULL, kTimes * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (pages == MAP_FAILED) return 1;
  const int64_t before = now();
  trap(pages);
  const int64_t first = now() - before;
  printf("first_trap=%lld trap=%lld ", (long long)first, (long long)median(trap, pages));
  printf("fault=%lld cpuid=%lld\n", (long long)median(touch, pages), (long long)median(identify, pages));
  return 0;
}
