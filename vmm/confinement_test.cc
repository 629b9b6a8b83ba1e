#include "vmm/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace candor::vmm {
namespace {

/// How a child ends that is confined and then does `act`.
template <typename Act>
int status_after(Act act) {
  auto filter = make_filter();
  if (!filter.ok()) {
    ADD_FAILURE() << filter.error();
    return -1;
  }
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!confine(*filter).ok()) _exit(99);
    act();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

template <typename Act>
testing::AssertionResult ends_it(Act act) {
  const int status = status_after(act);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "status " << status;
}

TEST(Confinement, WhatAVmProcessDoesGoesOn) {
  EXPECT_EQ(status_after([] {
              char byte;
              void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              if (page == MAP_FAILED || munmap(page, 4096) != 0) _exit(1);
              if (read(-1, &byte, 1) != -1) _exit(2);
            }),
            0);
}

TEST(Confinement, EverythingElseEndsIt) {
  EXPECT_TRUE(ends_it([] { open("/etc/passwd", O_RDONLY); }));
  EXPECT_TRUE(ends_it([] { socket(AF_INET, SOCK_STREAM, 0); }));
  EXPECT_TRUE(ends_it([] { fork(); }));
  EXPECT_TRUE(ends_it([] { execl("/bin/true", "true", nullptr); }));
  EXPECT_TRUE(ends_it([] { kill(getppid(), SIGKILL); }));
  EXPECT_TRUE(ends_it([] { syscall(SYS_ptrace, 0, 0, 0, 0); }));
  EXPECT_TRUE(ends_it([] { syscall(SYS_tgkill, getpid(), getpid(), SIGKILL); }));
  EXPECT_TRUE(
      ends_it([] { mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }));
  EXPECT_TRUE(ends_it([] {
    const sched_param high = {1};
    sched_setscheduler(0, SCHED_FIFO, &high);
  }));
}

TEST(Confinement, ARealtimeClassIsNotPassedOn) {
  const pid_t child = fork();
  if (child == 0) {
    const sched_param low = {1};
    if (sched_setscheduler(0, SCHED_FIFO, &low) != 0) _exit(77);
    _exit(become_ordinary().ok() && sched_getscheduler(0) == SCHED_OTHER ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    GTEST_SKIP() << "needs ranks: SCHED_FIFO is not permitted";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace candor::vmm
