#include "host/processor_loop.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <future>

namespace candor::host {
namespace {

int settle(int processor, bool ranks) {
  std::array<char, 16> name;
  std::snprintf(name.data(), name.size(), "candord/%d", processor);
  prctl(PR_SET_NAME, name.data());
  // The default of 50 us would come on top of every replenishment.
  prctl(PR_SET_TIMERSLACK, 1);
  if (const auto pinned = RankWriter::pin(0, {&processor, 1}); !pinned.ok()) return pinned.error();
  if (!ranks) return 0;
  RankWriter own(true);
  const auto raised = own.set_fifo(0, kOwnLevel);
  return raised.ok() ? 0 : raised.error();
}

void run(HostScheduler& scheduler, std::uint32_t processor) {
  std::array<epoll_event, 16> events;
  for (;;) {
    const int n = epoll_wait(scheduler.events(processor), events.data(), events.size(), -1);
    for (int i = 0; i < n; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      switch (static_cast<EventKind>(tag >> 32)) {
        case EventKind::kTimer:
          scheduler.timer(processor);
          break;
        case EventKind::kBell:
          scheduler.bell(processor, static_cast<std::uint32_t>(tag));
          break;
        case EventKind::kStop:
          return;
      }
    }
  }
}

}  // namespace

Result<ProcessorLoop, int> ProcessorLoop::start(HostScheduler& scheduler, std::uint32_t processor,
                                                bool ranks) {
  Fd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.open()) return Error{errno};
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = event_tag(EventKind::kStop);
  if (epoll_ctl(scheduler.events(processor), EPOLL_CTL_ADD, stop.get(), &event) != 0) return Error{errno};
  std::promise<int> settled;
  std::future<int> outcome = settled.get_future();
  std::thread thread([&scheduler, processor, ranks, promise = std::move(settled)]() mutable {
    const int error = settle(scheduler.host_number(processor), ranks);
    if (error == 0) scheduler.attach(processor);
    promise.set_value(error);
    if (error == 0) run(scheduler, processor);
  });
  const int error = outcome.get();
  if (error != 0) {
    thread.join();
    return Error{error};
  }
  return ProcessorLoop(std::move(stop), std::move(thread));
}

ProcessorLoop::~ProcessorLoop() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

}  // namespace candor::host
